"""The common part of all objects: making, finding, and listing them, and their calendar."""
