"""A small shop, the code under test. It sells furniture.

Prices, customers and the pages to pay on are Stripe's, asked by the official `stripe` package; the
stock and the orders are its own. Nothing here knows of the tests, or of what answers in them.
"""
