"""A stateful fake of the Stripe API whose accounts are namespaces of a tigerd instance.

import stripe
import tigerstripe

with tigerstripe.connect() as account, account.installed():
    stripe.Customer.create(email="jane@example.com")

This project is not affiliated with Stripe.
"""

from tigerstripe.account import Account, connect
from tigerstripe.errors import Declined, Refused
from tigerstripe.sdk import install, installed, uninstall

__all__ = ["Account", "Declined", "Refused", "connect", "install", "installed", "uninstall"]
