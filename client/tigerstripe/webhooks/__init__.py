"""How webhooks are sent; `tigerstripe.work.events` says which endpoints want an event."""
