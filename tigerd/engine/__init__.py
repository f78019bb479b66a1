"""The engine: what a request changes in shared memory, and how that is cleaned and recovered."""
