"""A script that uses an account, and another within it."""

import os
import subprocess
import sys

import tiger
from tigerd.testing import account

CHILD = "import tiger; s = tiger.connect(); s.coupons.create({'id': 'of-child'}); s.close()"

with account({"coupons": ({"id": "seed"},)}, name="script") as store:
    assert os.environ["TIGERD_NAMESPACE"] == store.current_namespace
    subprocess.run([sys.executable, "-c", CHILD], check=True)
    with account() as other:
        assert os.environ["TIGERD_NAMESPACE"] == other.current_namespace
        assert other.coupons.count() == 0
    assert os.environ["TIGERD_NAMESPACE"] == store.current_namespace
    assert {coupon["id"] for coupon in store.coupons} == {"seed", "of-child"}
    if (child := os.fork()) == 0:
        sys.exit(0)  # leaves the block in the child too
    os.waitpid(child, 0)
    assert store.coupons.count() == 2
    print(store.directory, flush=True)
with tiger.connect(namespace="looking") as looking:
    names = {name.rpartition("-")[0] for name in looking.namespaces()}
    assert not names & {"script", "account"}, names
