#!/usr/bin/env bash
# Stripe CLI 1.52.0: the trigger of customer.discount.created sends a parameter that went long ago.
#
# It creates a customer with `coupon`. The SDKs have not had that parameter since the API's basil
# versions of 2025 (stripe-python 12.5.2 lacks it already). The CLI names no API version in its
# requests, so what happens depends on the account's default version: an account of the newest
# version has to refuse it. A fake of the newest version that the CLI should trigger all events of
# must take the old parameter of requests that name no version.
#
# Seen on 2026-11-30 with @stripe/cli 1.52.0 of npm, Node.js 20, and stripe 12.5.2, 16.1.0:
#   POST /v1/coupons percent_off=20 version=None
#   POST /v1/customers coupon=made_1 version=None
#   12.5.2 takes coupon: False
#   16.1.0 takes coupon: False
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @stripe/cli@1.52.0 > /dev/null
cat > note.py <<'PY'
import http.server
import itertools
import json
import pathlib
import urllib.parse

numbers = itertools.count(1)


class Noting(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        said = [f"{key}={value}" for key, value in urllib.parse.parse_qsl(sent)]
        said = [text for text in said if not text.startswith("description=")]
        with pathlib.Path("requests").open("a") as file:
            print("POST", self.path, *said, f"version={self.headers['Stripe-Version']}", file=file)
        answer = json.dumps({"id": f"made_{next(numbers)}"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Noting)
pathlib.Path("port.new").write_text(str(server.server_port))
pathlib.Path("port.new").rename("port")
server.serve_forever()
PY
python3 note.py &
server=$!
until [ -e port ]; do
    kill -0 "$server"  # else it ended, and there will be no port
    sleep 0.1
done
STRIPE_API_KEY=sk_test_123456789012345678901234 HOME=$folder node_modules/.bin/stripe \
    trigger customer.discount.created --api-base "http://127.0.0.1:$(cat port)" > out 2>&1
cat > look.py <<'PY'
import stripe

try:
    from stripe.params import CustomerCreateParams as Params
except ImportError:  # up to 12, it belongs to the class
    Params = stripe.Customer.CreateParams
print("takes coupon:", "coupon" in Params.__annotations__)
PY
{
    cat requests
    for version in 12.5.2 16.1.0; do
        python3 -m venv "$version"
        "$version/bin/pip" install --quiet --disable-pip-version-check "stripe==$version"
        echo "$version $("$version/bin/python" look.py)"
    done
} > seen
cat seen
diff seen - <<'SEEN'
POST /v1/coupons percent_off=20 version=None
POST /v1/customers coupon=made_1 version=None
12.5.2 takes coupon: False
16.1.0 takes coupon: False
SEEN
