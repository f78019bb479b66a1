"""The messages between a client and the daemon over ZeroMQ: one msgpack frame each way.

    request   [version, client, slot, request, wants_reply, operations]
    reply     [request, status, value]

`client` is a random number chosen by the client; `slot` is the number that the daemon gave it (-1
before that). `request` counts a client's requests, one at a time; the daemon applies each at most
once. The answer is in the client's slot of the control segment, which the client watches; a reply
is sent if it `wants_reply`, and for an error. `operations` are applied together, under one commit
number, or not at all. `status` is 0 or 1 if they were applied, else a key of `errors.CODES`;
`value` is an error's message and facts, or for a request that ends with a patch, the resulting
record.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack

from tiger.errors import CODES, InvalidRequest

VERSION = 2

FRAME_MAX = 64 << 20
"""Bytes of a request. ZeroMQ drops the connection that sends a larger one."""

REPLY_MAX = 17 << 20
"""Bytes of a reply: a record, which has 16 MiB at most, and a little more."""

OPERATIONS_MAX = 1 << 20
"""Operations in one request."""

DONE = 0
ABSENT = 1
EVICTED = 255
"""The status for a client that has lost its slot: it says hello again."""

# Requests that write nothing; each is a separate request.
HELLO = "hello"
PING = "ping"
ANSWER = "answer"  # the reply to a request, sent again
STOP = "stop"
EVERYWHERE = "everywhere"  # answered when every host has applied what this one has
WATCH = "watch"  # commit, table or None for all, namespace: answered when these changed after it

# Writing; tables by number, namespaces by name. Several may stand together.
PUT = "put"  # table, namespace, body, if_version or None
CREATE = "create"  # table, namespace, body
PUT_MANY = "put_many"  # table, namespace, bodies
EXPECT = "expect"  # table, namespace, id, version or None where it must not be there
PATCH = "patch"  # table, namespace, id, changes
DELETE = "delete"  # table, namespace, id
CLEAR = "clear"  # table
CLEAR_NAMESPACE = "clear_namespace"  # table or None for all, namespace
DEFINE = "define"  # definition: name, prefix, url, indexes
DELETE_WHERE = "delete_where"  # table, namespace, field, value; a request of its own
FORK = "fork"  # the parent's namespace, the child's; a request of its own
ROLLBACK = "rollback"  # namespace, the commit to go back to; a request of its own
RESTORE = "restore"  # of a daemon that follows a log, to all that do (tigerd.service.rollbacks)

Operation = list[Any]


pack: Callable[[list[Any]], bytes] = msgpack.packb
"""Returns a message as a frame."""


def check_size(size: int, operations: list[Operation]) -> None:
    """Raise `InvalidRequest` for a frame that the daemon would drop without an answer."""
    if size > FRAME_MAX:
        raise InvalidRequest(
            f"the request has {size} bytes, the limit is {FRAME_MAX}: write in several batches"
        )
    bodies = (len(each[3]) for each in operations if each[0] == PUT_MANY)
    count = max(len(operations), *bodies, 0)
    if count > OPERATIONS_MAX:
        raise InvalidRequest(
            f"the request has {count} writes, the limit is {OPERATIONS_MAX}: write in "
            f"several batches"
        )


def unpack(frame: bytes) -> list[Any]:
    """Return the message in a frame; ValueError or a msgpack error if there is none."""
    message = msgpack.unpackb(
        frame,
        max_bin_len=len(frame),
        max_ext_len=0,
        max_array_len=min(len(frame), OPERATIONS_MAX),
        max_map_len=min(len(frame), OPERATIONS_MAX),
    )
    if type(message) is not list:
        raise ValueError("a message is an array")
    return message


def unpack_reply(frame: bytes) -> tuple[int, int, Any]:
    """Return number, status and value of a reply; ValueError if the frame is not a reply."""
    try:
        match unpack(frame):
            case [int(number), int(status), value] if status not in CODES:
                if status in (DONE, ABSENT, EVICTED):
                    return number, status, value
            case [int(number), int(status), ([str(), dict()] | None) as told]:
                return number, status, told
            case [int(number), int(status), str(message)]:  # of a daemon of protocol 1
                return number, status, [message, {}]
    except (ValueError, msgpack.UnpackException, RecursionError):
        pass
    raise ValueError(f"a frame of {len(frame)} bytes that is not an answer")
