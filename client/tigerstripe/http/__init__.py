"""The API over HTTP, for other languages and other processes: what `tigerd stripe serve` runs.

It needs the extra `stripe` (starlette, uvicorn, httptools); nothing else here imports it.
"""
