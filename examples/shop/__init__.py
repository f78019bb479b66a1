"""A small shop, the code under test. It sells furniture and a membership.

It talks to two services of others: one bills, one keeps the stock and the orders. `billing.py` and
`warehouse.py` say what it asks of them; the tests put fakes in their place.
"""
