"""Tools: the audit and the repair of an instance, and records as JSON documents."""
