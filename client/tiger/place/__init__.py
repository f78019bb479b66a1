"""The place: an instance's directory, how its daemon is started, and which processes hold what."""
