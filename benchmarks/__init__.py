"""Benchmarks of tigerd beside its peers: one file a question, one shared harness."""
