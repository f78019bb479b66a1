#!/usr/bin/env bash
# stripe-python 15.0.0 and later: an empty object is true, and no object equals a dict.
#
# Up to 14.4.2 a StripeObject was a dict. Since 15.0.0 it is not. Most of what a dict can do now
# raises an error that says so; two things do not raise, they give the other answer:
#   if customer.metadata:             was False for {}, is True
#   customer.metadata == {"a": "1"}   was True, is False
# A list of the API (ListObject) is still false when it is empty.
#
# Seen on 2026-11-30 with stripe 14.4.2, 15.0.0 and 16.1.0, CPython 3.11:
#   14.4.2 empty=False equal=True empty_list=False
#   15.0.0 empty=True equal=False empty_list=False
#   16.1.0 empty=True equal=False empty_list=False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/look.py" <<'PY'
import stripe

customer = stripe.Customer.construct_from(
    {"id": "cus_1", "object": "customer", "metadata": {"a": "1"}, "address": {}}, "sk_test_1"
)
empty_list = stripe.ListObject.construct_from(
    {"object": "list", "data": [], "has_more": False, "url": "/v1/customers"}, "sk_test_1"
)
print(
    f"empty={bool(customer.address)} equal={customer.metadata == {'a': '1'}} "
    f"empty_list={bool(empty_list)}"
)
PY
for version in 14.4.2 15.0.0 16.1.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "stripe==$version"
    echo "$version $("$folder/$version/bin/python" "$folder/look.py")"
done > "$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
14.4.2 empty=False equal=True empty_list=False
15.0.0 empty=True equal=False empty_list=False
16.1.0 empty=True equal=False empty_list=False
SEEN
