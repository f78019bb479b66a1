"""How long an application's Stripe calls take on a stateful fake.

- retrieve, list of 10, create: one call of the official SDK, in an account of 100 customers that is
  in the same process; a create writes the customer, its event and its idempotency record in one
  commit. The floor is the SDK with a transport that answers at once, always the same
- pay: two calls, the create and the confirmation of a payment intent; what comes of the second, the
  charge with its balance transaction and events, is one commit too
- page of 100: charges, with their customers expanded
- create, 4 clients: four processes at once, in an account of 400 customers; in-process, over HTTP
  with a server of two workers, and of localstripe
- 12 renewals: a year of an account with one monthly subscription, by one `advance`; the floor
  writes the objects that this makes, each once, in as many plain batches
- a year of 1,000: the same of 1,000 subscriptions, with 12,000 invoices, charges and their events
- subscribe: a subscription to a customer with a card, with its first payment; preview: the invoice
  of the same subscription beforehand
- retrieve of 100,000, create in 100,000: the same calls in a larger account
- 500 tests: the whole run of `pytest -n 4` on suite_stripe/, an account and 20 calls a test; a
  daemon runs already
- import: a Python process that imports what a program needs, and ends
- first request: one that then creates its first customer; a daemon runs already
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, Figure, beyond, paces, times, within
from benchmarks.billing import CUSTOMER, PRICE, Year, by_batches
from benchmarks.peers import Peer
from benchmarks.peers.stripe_api import PARAMS, PAYMENT, PAYS, StripeApi
from benchmarks.runs import run_program, run_pytest
from benchmarks.workload import Load, Plan, Trial, Workload, one_figure

SUITE = Path(__file__).parent / "suite_stripe"
OURS, FLOOR, SERVED, OTHER = "tigerstripe", "floor, sdk", "tigerstripe serve", "localstripe"
BATCHES = "floor, batches"
PLUGINS = {OURS: ("tigerd.pytest.plugin",)}
WORKERS = 4
ASKED = 100  # customers that are retrieved, of all there are
CREATES = {OURS: 20_000, FLOOR: 40_000, SERVED: 4_000, OTHER: 40}  # a client and round, at most
MS = 1e6
ROUNDS = 3

SMALL, LARGE = 100, 100_000


def v1(peer: Peer) -> Any:
    """Return the services of the SDK's client."""
    assert isinstance(peer, StripeApi)
    return peer.client.v1


def retrieve(peer: Peer, _: Trial) -> Plan:
    customers = v1(peer).customers
    ids = [customer.id for customer in customers.list({"limit": ASKED})]
    return Plan(customers.retrieve, ids, expect=lambda customer: customer.id == ids[0])


def list10(peer: Peer, _: Trial) -> Plan:
    ask = partial(v1(peer).customers.list, {"limit": 10})
    return Plan(ask, expect=lambda found: len(found.data) == 10)


def create(peer: Peer, trial: Trial) -> Plan:
    return Plan(
        v1(peer).customers.create,
        [PARAMS] * CREATES[peer.name],
        once=True,
        long=True,
        expect=lambda customer: customer.email == PARAMS["email"],
    )


def pay(peer: Peer, trial: Trial) -> Plan:
    intents = v1(peer).payment_intents

    def create_and_confirm() -> Any:
        return intents.confirm(intents.create(PAYMENT).id, PAYS)

    return Plan(create_and_confirm, long=True, expect=lambda intent: intent.status == "succeeded")


def page100(peer: Peer, _: Trial) -> Plan:
    ask = partial(v1(peer).charges.list, {"limit": 100, "expand": ["data.customer"]})
    return Plan(ask, expect=lambda page: len({c.customer.object for c in page.data}) == 1)


def renewals(peer: Peer, trial: Trial) -> Plan:
    assert isinstance(peer, StripeApi)
    year, samples = Year(peer, 1), trial.effort.turns
    if peer.name == BATCHES:
        return Plan(by_batches(year), samples=samples, long=True)
    return Plan(year.go_by, samples=samples, long=True, before=year.begin, after=year.check)


def many_renewals(peer: Peer, _: Trial) -> Plan:
    assert isinstance(peer, StripeApi)
    year = Year(peer, 1000)
    return Plan(year.go_by, samples=1, warmed=False, before=year.begin, after=year.check)


def subscribed(peer: Peer) -> list[Any]:
    """Return what subscribes each of some customers."""
    services = v1(peer)
    price = services.prices.create(PRICE).id
    customers = [services.customers.create(CUSTOMER).id for _ in range(ASKED)]
    return [{"customer": id, "items": [{"price": price}]} for id in customers]


def subscribe(peer: Peer, _: Trial) -> Plan:
    make = v1(peer).subscriptions.create
    return Plan(make, subscribed(peer), long=True, expect=lambda made: made.status == "active")


def preview(peer: Peer, _: Trial) -> Plan:
    wanted = [
        {"customer": one["customer"], "subscription_details": {"items": one["items"]}}
        for one in subscribed(peer)
    ]
    ask = v1(peer).invoices.create_preview
    return Plan(ask, wanted, long=True, expect=lambda invoice: invoice.total == 1000)


def run_suite(peer: Peer, trial: Trial) -> Plan:
    settings = {"SUITE_PEER": peer.name, "TIGERD_DIR": str(trial.directory)}
    plugins = PLUGINS.get(peer.name, ())
    return one_figure(partial(run_pytest, SUITE, plugins, WORKERS, **settings))


IMPORTS = {OURS: "import stripe, tigerstripe", FLOOR: "import stripe"}
FIRSTS = {
    OURS: f"""
import stripe, sys, tigerstripe
with tigerstripe.connect(sys.argv[1]) as account:
    account.client().v1.customers.create({PARAMS})
""",
    FLOOR: f"""
import stripe
from benchmarks.at_once import AtOnce
stripe.StripeClient("sk_test_floor", http_client=AtOnce()).v1.customers.create({PARAMS})
""",
}


def program(programs: Mapping[str, str]) -> Callable[[Peer, Trial], Plan]:
    def run(peer: Peer, trial: Trial) -> Plan:
        started = partial(run_program, programs[peer.name], str(trial.directory))
        return Plan(started, samples=trial.effort.turns // 2)

    return run


BOTH = (OURS, FLOOR)
READ, WRITTEN = Load("customers", SMALL, reused=True), Load("customers", SMALL)
CHARGES = Load("charges", 100, reused=True)
LARGE_READ, LARGE_WRITTEN = Load("customers", LARGE, reused=True), Load("customers", LARGE)
NOTHING = Load("customers")
WORKLOADS = [
    Workload("retrieve", BOTH, READ, retrieve, group="reads"),
    Workload("list of 10", BOTH, READ, list10, group="reads"),
    Workload("retrieve of 100,000", (OURS,), LARGE_READ, retrieve, group="reads"),
    Workload("create", BOTH, WRITTEN, create, group="creates"),
    Workload("create in 100,000", (OURS,), LARGE_WRITTEN, create, group="creates"),
    Workload("pay", BOTH, WRITTEN, pay, group="creates"),
    Workload("page of 100", BOTH, CHARGES, page100, group="pages"),
    Workload("12 renewals", (OURS, BATCHES), NOTHING, renewals, group="renewals"),
    Workload("a year of 1,000", (OURS,), NOTHING, many_renewals),
    Workload("subscribe", (OURS,), NOTHING, subscribe, group="subscriptions"),
    Workload("preview", (OURS,), NOTHING, preview, group="subscriptions"),
    Workload(
        "create, 4 clients", (OURS, SERVED, OTHER, FLOOR), Load("customers", 400), create, clients=4
    ),
    Workload("500 tests", BOTH, NOTHING, run_suite),
    Workload("import", BOTH, NOTHING, program(IMPORTS), group="processes"),
    Workload("first request", BOTH, NOTHING, program(FIRSTS), group="processes"),
]


def of_floor(workload: str, at_most: float, *, is_kept: bool = True) -> Bar:
    name = f"{workload}: {at_most} times the floor"
    return Bar(name, at_most, times((workload, OURS), (workload, FLOOR)), is_kept)


def longer_than_floor(workload: str, limit_ms: float) -> Figure:
    yardstick = ("retrieve", FLOOR)  # limits in time are of a machine where it takes 127 us
    return beyond((workload, OURS), (workload, FLOOR), limit_ms * MS, yardstick, 127_000)


TOGETHER = "create, 4 clients"
BARS = [
    of_floor("retrieve", 1.25),
    of_floor("list of 10", 1.15),
    of_floor("create", 2.0, is_kept=False),
    of_floor("pay", 2.6),
    of_floor("page of 100", 1.25),
    Bar(
        "12 renewals: 1.5 times their objects by plain batches",
        1.5,
        times(("12 renewals", OURS), ("12 renewals", BATCHES)),
        is_kept=False,
    ),
    Bar(
        "a year of 1,000: 2,000 renewals a second, where a retrieve takes the SDK 127 us",
        1,
        within(("a year of 1,000", OURS), 6e9, ("retrieve", FLOOR), 127_000),
        is_kept=False,
    ),
    Bar("preview: 1.3 times a subscription", 1.3, times(("preview", OURS), ("subscribe", OURS))),
    Bar(
        f"{TOGETHER}: 45 times as many as localstripe's",
        1 / 45,
        paces((TOGETHER, OURS), (TOGETHER, OTHER)),
        is_kept=False,
    ),
    Bar(
        f"{TOGETHER}, over HTTP: 10 times as many as localstripe's",
        1 / 10,
        paces((TOGETHER, SERVED), (TOGETHER, OTHER)),
    ),
    of_floor("500 tests", 1.6),
    Bar(
        "import: 15 ms more than the SDK's, where a retrieve takes it 127 us",
        1,
        longer_than_floor("import", 15),
        is_kept=False,
    ),
    Bar(
        "import and first request: 25 ms more than the floor's, likewise",
        1,
        longer_than_floor("first request", 25),
        is_kept=False,
    ),
    Bar(
        "retrieve of 100,000: as of 100",
        1.25,
        times(("retrieve of 100,000", OURS), ("retrieve", OURS)),
    ),
    Bar("create in 100,000: as in 100", 1.25, times(("create in 100,000", OURS), ("create", OURS))),
]
