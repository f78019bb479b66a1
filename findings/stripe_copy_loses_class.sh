#!/usr/bin/env bash
# stripe-python: a copy of a Customer is no Customer, and since 15.0.0 it does not equal the original.
#
# copy.copy() and copy.deepcopy() of an object of the API give a plain StripeObject: the class's own
# methods (save, delete, list_sources) are gone. In 14.4.2 the two were still equal, as dicts are;
# since 15.0.0 objects of two classes never are, so `copy.copy(customer) == customer` is False.
# Pickling keeps the class, and the equality.
#
# Seen on 2026-11-30 with CPython 3.11:
#   14.4.2 copy=StripeObject/True deepcopy=StripeObject/True pickle=Customer/True
#   15.0.0 copy=StripeObject/False deepcopy=StripeObject/False pickle=Customer/True
#   16.1.0 copy=StripeObject/False deepcopy=StripeObject/False pickle=Customer/True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/look.py" <<'PY'
import copy
import pickle

import stripe

customer = stripe.Customer.construct_from({"id": "cus_1", "object": "customer"}, "sk_test_1")
ways = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda found: pickle.loads(pickle.dumps(found)),
}
said = []
for name, way in ways.items():
    made = way(customer)
    said.append(f"{name}={type(made).__name__}/{made == customer}")
print(*said)
PY
for version in 14.4.2 15.0.0 16.1.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "stripe==$version"
    echo "$version $("$folder/$version/bin/python" "$folder/look.py")"
done > "$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
14.4.2 copy=StripeObject/True deepcopy=StripeObject/True pickle=Customer/True
15.0.0 copy=StripeObject/False deepcopy=StripeObject/False pickle=Customer/True
16.1.0 copy=StripeObject/False deepcopy=StripeObject/False pickle=Customer/True
SEEN
