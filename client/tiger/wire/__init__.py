"""The wire: sending a write to the daemon, and receiving its answer."""
