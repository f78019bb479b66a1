"""The log that several machines share: what it has to do, the engine that does it, and who follows.

Loaded where a log is named, and nowhere else (docs/design.md, *Rooms*).
"""
