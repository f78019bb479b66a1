#!/usr/bin/env bash
# Stripe CLI 1.52.0: `get` and the commands of resources end with 0 though the API refused.
#
# The refusal is printed on the standard output as if it were the answer. `trigger` ends with 1 for
# the same one. A script that goes by the exit status alone takes a 400 or a 404 for a success; it
# has to look for "error" in what is printed.
#
# Seen on 2026-11-30 with @stripe/cli 1.52.0 of npm, Node.js 20, against a server that refuses:
#   get: exit 0, prints the error
#   customers create: exit 0, prints the error
#   trigger: exit 1
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" @stripe/cli@1.52.0 > /dev/null
cat > refuse.py <<'PY'
import http.server
import json
import pathlib

REFUSAL = json.dumps(
    {"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such."}}
).encode()


class Refusing(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
pathlib.Path("port.new").write_text(str(server.server_port))
pathlib.Path("port.new").rename("port")
server.serve_forever()
PY
python3 refuse.py &
server=$!
until [ -e port ]; do
    kill -0 "$server"  # else it ended, and there will be no port
    sleep 0.1
done
export STRIPE_API_KEY=sk_test_123456789012345678901234 HOME=$folder
ask() { node_modules/.bin/stripe "$@" --api-base "http://127.0.0.1:$(cat port)" > out 2> err; }
tell() {
    local status=0
    ask "${@:2}" || status=$?
    echo "$1: exit $status$(grep -q resource_missing out && echo ", prints the error" || true)"
}
{
    tell get get /v1/customers/cus_1
    tell "customers create" customers create --name Jenny
    tell trigger trigger customer.created
} > seen
cat seen
diff seen - <<'SEEN'
get: exit 0, prints the error
customers create: exit 0, prints the error
trigger: exit 1
SEEN
