"""Billing: what subscriptions owe and when, and how invoices are made and collected."""
