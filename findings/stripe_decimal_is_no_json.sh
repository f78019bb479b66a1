#!/usr/bin/env bash
# stripe-python 15.0.0 and later: a price, or an event of one, can no longer be written as JSON.
#
# Fields such as `unit_amount_decimal` are decimal.Decimal since 15.0.0, where they were texts. They
# stay that in what to_dict() returns, so `json.dumps(event.to_dict())`, as one keeps webhooks in a
# database, raises TypeError, for events of prices only. The payload as it came is still JSON.
# In 15.0.0 itself str() and print() of such an object raise the same; in 16.1.0 they do not.
#
# Seen on 2026-11-30 with CPython 3.11:
#   14.4.2 str json.dumps:ok str:ok
#   15.0.0 Decimal json.dumps:TypeError str:TypeError
#   16.1.0 Decimal json.dumps:TypeError str:ok
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/look.py" <<'PY'
import json
import warnings

import stripe

warnings.simplefilter("ignore")  # of 14, which calls to_dict() deprecated
event = stripe.Event.construct_from(
    {
        "id": "evt_1",
        "object": "event",
        "type": "price.created",
        "data": {"object": {"id": "price_1", "object": "price", "unit_amount_decimal": "0.5"}},
    },
    "sk_test_1",
)


def outcome(work):
    try:
        work()
    except TypeError as error:
        return type(error).__name__
    return "ok"


print(
    type(event.data.object.unit_amount_decimal).__name__,
    "json.dumps:" + outcome(lambda: json.dumps(event.to_dict())),
    "str:" + outcome(lambda: str(event)),
)
PY
for version in 14.4.2 15.0.0 16.1.0; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "stripe==$version"
    echo "$version $("$folder/$version/bin/python" "$folder/look.py")"
done > "$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN'
14.4.2 str json.dumps:ok str:ok
15.0.0 Decimal json.dumps:TypeError str:TypeError
16.1.0 Decimal json.dumps:TypeError str:ok
SEEN
