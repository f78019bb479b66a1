"""The daemon and the command line of tigerd; the library is `tiger`."""
