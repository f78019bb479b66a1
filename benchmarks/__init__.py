"""Benchmarks of tigerd beside its peers: one file a question, one shared harness."""

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
