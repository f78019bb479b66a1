"""The engine: applies requests to shared memory, cleans it, and recovers it."""
