// Serves seahaven-stripe-world as it is, by the Python 3.14 that it needs: Pyodide's.
// Usage: node peer_seahaven.mjs PORT   (in a directory with node_modules and site)
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

const { loadPyodide } = createRequire(join(process.cwd(), "here.cjs"))("pyodide");
const python = await loadPyodide();
python.mountNodeFS("/site", join(process.cwd(), "site"));
const answer = python.runPython(`
import os
import sys

os.geteuid = lambda: 0  # which Pyodide has not
sys.path.insert(0, "/site")

from seahaven.http import HttpRequest
from seahaven.http.runtime import Registry, dispatch
from seahaven_stripe_world.http_api import handle
from seahaven_stripe_world.world import world

accounts = Registry(world, {"startup": {"livemode": False}}, 0)
last = ""


def answer(method, path, query, headers, body):
    """Answer in the account of a key; its own server takes the account from the path."""
    global last
    headers = headers.to_py()
    key = headers["authorization"].rpartition(" ")[2]
    if key != last:  # recordings follow each other, each with a key of its own
        accounts.delete(last)
        last = key
    sent = HttpRequest(
        method=method, path=path, query=query, headers=tuple(headers.items()), body=body.encode()
    )
    got = accounts.run(key, lambda account: dispatch(account, handle, sent))
    return got.status, got.body if isinstance(got.body, str) else bytes(got.body).decode()


answer
`);

createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const { method, url, headers } = request;
    const [path, query = ""] = url.split("?");
    const body = Buffer.concat(parts).toString();
    const [status, text] = answer(method, decodeURIComponent(path), query, headers, body);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(text);
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
