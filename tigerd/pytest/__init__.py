"""The pytest plugin: one store for all workers of a run, and an account for each test."""
