"""An account's records, and the unit of work that reads and writes them as one commit."""
