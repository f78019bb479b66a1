"""The records that the benchmarks write and read: like Stripe's, and the same for the same seed.

A record's id depends on (seed, table, number) alone, so that a process knows the ids of a store
that another process filled. Every record has `created`, ten records to the second, oldest first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from random import Random
from typing import Any

Record = dict[str, Any]

FIRST_CREATED = 1_700_000_000
MATCHES = 10  # records of each customer in a table of payment methods
LOADED = "loaded"  # the seed of the records that a store is filled with before a measurement

TABLES = {"coupons": "coupon", "checkout_sessions": "cs", "payment_methods": "pm"}  # and prefixes
_DURATIONS = ("forever", "once", "repeating")
_CURRENCIES = ("usd", "eur", "gbp", "jpy")
_CITIES = ("Dublin", "Lyon", "Osaka", "Porto", "Tartu", "Utrecht")
_NAMES = ("Ada Byron", "Jun Mori", "Lea Simon", "Noor Aziz", "Per Lund", "Rosa Cruz")


def identifier(prefix: str, number: int, seed: str = LOADED) -> str:
    """Return the id of one object: the prefix and 24 letters or digits."""
    digest = hashlib.blake2b(f"{seed}/{prefix}/{number}".encode(), digest_size=12)
    return f"{prefix}_{digest.hexdigest()}"


def ids(table: str, count: int, seed: str = LOADED) -> list[str]:
    """Return the ids of the first `count` records of a table, oldest first."""
    return [identifier(TABLES[table], number, seed) for number in range(count)]


def make(table: str, count: int, seed: str = LOADED) -> list[Record]:
    """Make the first `count` records of a table, oldest first."""
    random = Random(f"{seed}/{table}")
    body = _BODIES[table]
    return [
        {"id": record_id, "created": created_at(number), **body(random, number, count)}
        for number, record_id in enumerate(ids(table, count, seed))
    ]


def created_at(number: int) -> int:
    """Return when a record was made: ten to the second."""
    return FIRST_CREATED + number // 10


def customers(count: int) -> list[str]:
    """Ten customers with `MATCHES` payment methods each, of those in a table of `count`.

    Ten whatever the count, so that tables of different sizes are asked for equally many records.
    """
    owner_count = count // MATCHES
    step = max(1, owner_count // 10)
    return [identifier("cus", number) for number in range(0, owner_count, step)][:10]


def _coupon(random: Random, _number: int, _count: int) -> Record:
    percent = random.randrange(5, 100, 5)
    return {
        "object": "coupon",
        "amount_off": None,
        "currency": random.choice(_CURRENCIES),
        "duration": random.choice(_DURATIONS),
        "duration_in_months": random.randint(1, 12),
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": f"{percent}% off",
        "percent_off": float(percent),
        "redeem_by": FIRST_CREATED + random.randrange(10_000_000),
        "times_redeemed": random.randrange(100),
        "valid": random.random() < 0.9,
    }


def _payment_method(random: Random, number: int, count: int) -> Record:
    """Make a card whose customer is one of `count / MATCHES`, each coming round again."""
    return {
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": _person(random),
        "card": {
            "brand": "visa",
            "country": "US",
            "exp_month": random.randint(1, 12),
            "exp_year": 2034,
            "fingerprint": f"{random.getrandbits(64):016x}",
            "funding": "credit",
            "last4": f"{random.randrange(10_000):04}",
        },
        "customer": identifier("cus", number % max(1, count // MATCHES)),
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def _checkout_session(random: Random, number: int, _count: int) -> Record:
    lines = [_line_item(random) for _ in range(4)]
    total = sum(line["amount_total"] for line in lines)
    return {
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "allow_promotion_codes": True,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "cancel_url": "https://shop.example.com/basket?state=cancelled",
        "client_reference_id": f"order-{number}",
        "consent": {"promotions": None, "terms_of_service": "accepted"},
        "currency": "eur",
        "custom_fields": [_custom_field(key) for key in ("engraving", "greeting", "delivery")],
        "customer": identifier("cus", number),
        "customer_details": {**_person(random), "tax_exempt": "none", "tax_ids": []},
        "expires_at": FIRST_CREATED + number // 10 + 86_400,
        "invoice": None,
        "line_items": {"object": "list", "data": lines, "has_more": False},
        "livemode": False,
        "locale": "en",
        "metadata": {"basket": f"{random.getrandbits(64):016x}", "channel": "web", "test": "yes"},
        "mode": "payment",
        "payment_intent": identifier("pi", number),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "link", "ideal"],
        "payment_status": random.choice(("paid", "unpaid")),
        "phone_number_collection": {"enabled": False},
        "shipping_address_collection": {"allowed_countries": ["DE", "FR", "IE", "NL", "PT"]},
        "shipping_details": _person(random),
        "status": random.choice(("open", "complete", "expired")),
        "success_url": "https://shop.example.com/thanks?session={CHECKOUT_SESSION_ID}",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "url": f"https://checkout.example.com/c/pay/{random.getrandbits(256):064x}",
    }


def _line_item(random: Random) -> Record:
    quantity, unit_amount = random.randint(1, 5), random.randrange(100, 20_000)
    serial = f"{random.getrandbits(96):024x}"
    return {
        "id": f"li_{serial}",
        "object": "item",
        "amount_total": quantity * unit_amount,
        "currency": "eur",
        "description": "A mug with a picture of a tiger on it",
        "price": {
            "id": f"price_{serial}",
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "currency": "eur",
            "metadata": {},
            "product": f"prod_{serial}",
            "tax_behavior": "unspecified",
            "type": "one_time",
            "unit_amount": unit_amount,
        },
        "quantity": quantity,
    }


def _custom_field(key: str) -> Record:
    return {
        "key": key,
        "label": {"custom": f"Anything to say about the {key}?", "type": "custom"},
        "optional": True,
        "text": {"maximum_length": 80, "minimum_length": None, "value": None},
        "type": "text",
    }


def _person(random: Random) -> Record:
    name = random.choice(_NAMES)
    return {
        "address": {
            "city": random.choice(_CITIES),
            "country": "IE",
            "line1": f"{random.randint(1, 200)} Main Street",
            "line2": None,
            "postal_code": f"{random.randrange(100_000):05}",
            "state": None,
        },
        "email": f"{name.split()[0].lower()}{random.randrange(1000)}@example.com",
        "name": name,
        "phone": None,
    }


_BODIES: dict[str, Callable[[Random, int, int], Record]] = {
    "coupons": _coupon,
    "checkout_sessions": _checkout_session,
    "payment_methods": _payment_method,
}
