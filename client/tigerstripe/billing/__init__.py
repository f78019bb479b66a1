"""Billing: what subscriptions owe and when, and how invoices are drawn up and collected."""
