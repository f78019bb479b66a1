"""The log that several machines share: its interface, its engine, and the hosts that follow it.

Loaded where a log is named, and nowhere else (docs/design.md, *Rooms*).
"""
