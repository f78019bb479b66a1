"""The version of the distribution `tigerd`; this is the one place that names it."""

__version__ = "0.1.0"
