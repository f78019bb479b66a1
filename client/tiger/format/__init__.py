"""The format: every bit of shared memory and of a message, and the records that they carry."""
