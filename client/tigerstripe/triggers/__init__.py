"""Requests made for a test: the recipe of each event, and the files of `stripe fixtures`."""
