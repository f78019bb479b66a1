"""The wire: how a write reaches the daemon, and how its answer comes back."""
