"""Webhooks on their way to endpoints; `work.events` says which endpoints want an event."""
