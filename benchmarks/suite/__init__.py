"""The suite that bench_suite.py lets pytest run, and its client for each store."""
