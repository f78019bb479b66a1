"""Reading: everything that is read from shared memory, without locks and without the daemon."""
