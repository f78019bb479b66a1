"""The API over HTTP, for other languages and other processes: `tigerd stripe serve`.

It needs the extra `stripe` (starlette, uvicorn, httptools); no other room imports it.
"""
