"""The service: the daemon's process, its sockets, its clients and its hold on the instance."""
