"""The place of an instance: its directory, the start of its daemon, and files of processes."""
