"""The process that acts on webhooks: `python -m shop.worker`. As many may run as are needed.

`SHOP_SERVICES` names a function that returns the services, as `package:function`.
"""

from __future__ import annotations

import importlib
import os

from shop.front import Services, Shop


def connect() -> Services:
    """Return the services that the environment names."""
    module, _, function = os.environ["SHOP_SERVICES"].partition(":")
    services: Services = getattr(importlib.import_module(module), function)()
    return services


def work(shop: Shop) -> None:
    """Act on one webhook after another, for ever."""
    for delivery in shop.billing.deliveries():
        try:
            shop.receive(delivery["payload"], delivery["signature"])
        except Exception as error:
            shop.billing.acknowledge(delivery, repr(error))
        else:
            shop.billing.acknowledge(delivery)


if __name__ == "__main__":
    work(Shop(connect()))
