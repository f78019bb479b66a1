"""The service: the daemon's process, its sockets, its clients and its custody of the instance."""
