"""The shared-memory format: every offset, size and bit of it, and nothing else.

docs/format.md explains it with a picture and the bytes of one record; a test keeps the two equal.

All words are 64 bits, aligned, in the byte order of the machine. A word that changes after it
was published is changed by one store (the daemon's), and is marked "changes" below, with the module
of `tigerd.engine` that changes it (`recovery` and the compiled part aside); everything else is
written once, before anything refers to it.

An instance's directory:

    control                   one segment: the commit number, the tables, the clients, the changes
    tables/<name>/chunk.<n>   record versions, appended
    tables/<name>/index.<n>   where the newest version of each key is
    pins/<commit>.<random>    a point in time that some reader holds (tiger.place.pins)
    leases/<random>           the namespaces that one process holds (tiger.place.leases)
    spare                     room for the cleaner to begin with when there is none
    owner, kept               of a test run's instance: whose it is, or that it stays
    follows                   which log of several machines the instance follows
    socket                    where the daemon takes commands
    daemon.log                what a daemon in the background logs
    start.lock                held by the process that is starting a daemon

The daemon holds the directory itself, with flock, for as long as it lives.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from tiger.errors import StoreFull

VERSION = 5
"""Of this format. A reader that finds another one raises `LayoutMismatch`."""

MAGIC = 0x0A64726567697401
"""First word of every segment. Read in the other byte order it is another number."""

# --- The header of a segment: 16 words, of which the last 8 are its kind's own --------------------

HEADER_WORDS = 16
HEADER_MAGIC = 0
HEADER_VERSION = 1
HEADER_KIND = 2  # CONTROL, CHUNK or INDEX
HEADER_INSTANCE = 3  # random; the same in all segments of an instance
HEADER_TABLE = 4  # the table's number
HEADER_NUMBER = 5  # a chunk's number, or an index's generation
HEADER_SIZE = 6  # of the file, bytes
HEADER_STATE = 7  # changes. A chunk: bytes used (space). An index: 0. Control: 1 once it is ready

CHUNK_GARBAGE = 8  # changes (space): offset / 16 of the version counted last << 32 | garbage bytes
CHUNK_SETTLED = 9  # changes (space): bytes in which nothing is that was never committed
CHUNK_LAST_NUMBER = 10  # changes (space): the table's last number when that was stored
GARBAGE_BITS = 32

INDEX_USED = 8  # changes (index): places in use, at least; stored before one is taken
INDEX_KEYS = 9  # changes (index): keys in it and in the generation before it, at least
INDEX_MOVING = 10  # changes (index): the place whose key was moved last to the next generation

CONTROL = 1
CHUNK = 2
INDEX = 3

WORD = 8  # bytes

# --- Control -------------------------------------------------------------------------------------

COMMIT = 8  # changes (writer): the commit number; what began later is not visible
HORIZON = 9  # changes (cleaner): versions that ended at or before it may be gone
HEARTBEAT = 10  # changes (service.server): CLOCK_MONOTONIC of the daemon's last turn, nanoseconds
PID = 11  # of the daemon, for people
STARTED = 12  # when it started, nanoseconds since 1970, for people
MAX_RECORD = 13  # bytes of msgpack
CHANGES = 14  # changes (writer): entries ever made in the ring of changes
COMMANDS = 15  # changes (writer): commands answered since the instance was made, failed ones too
DAEMON = 16  # changes (service.custody): how many daemons have taken the instance over
WAKES = 17  # changes (service.custody): 1 if the daemon wakes a client that sleeps on its answer
ENDED = 18  # changes (cleaner): entries ever made in the ring of ended versions
CLEANED = 19  # changes (cleaner): what those before it name was taken away
RETIRING = 20  # changes (cleaner): table << 48 | the version that is being taken away; 0: none
COPYING = 21  # changes (retiring): table << 48 | the version that is being copied; 0: none
COPY = 22  # changes (retiring): the ref of that copy

DAEMONS_AT = 64  # changes (service.custody): a random number for each of the last daemons
DAEMONS_MAX = 64

TABLES_AT = 512  # word of the first table's entry
TABLE_WORDS = 8
TABLE_DIRECTORY = 0  # changes (index): the index's generation | that of the one being left << 32
TABLE_NAMESPACES = 1  # changes (lists): ref of the newest namespace
TABLE_BYTES = 2  # changes (space, index): bytes of its segments
TABLE_NEEDED = 3  # changes (cleaner): bytes of versions that are not garbage; statistics
TABLE_LAST_CHUNK = 4  # changes (space): the numbers given last; they never come back
TABLE_LAST_NAMESPACE = 5  # changes (table)
TABLE_LAST_NUMBER = 6  # changes (table)
TABLE_DROPPED = 7  # changes (space): chunks unlinked so far

CLIENTS_AT = TABLES_AT + 256 * TABLE_WORDS
CLIENTS_MAX = 1024
CLIENT_WORDS = 8
CLIENT_ID = 0  # random, chosen by the client; 0 = free
CLIENT_ANSWER = 1  # changes (writer): request number << 8 | status; stored before its commit
CLIENT_COMMIT = 2  # changes (writer): the commit at which the request took effect
CLIENT_REF = 3  # changes (writer): the table << 48 | the version that the request wrote, or 0
CLIENT_FAILED = 4  # changes (applying): the request in the middle of which a daemon failed
CLIENT_STATUS_BITS = 8

RING_AT = CLIENTS_AT + CLIENTS_MAX * CLIENT_WORDS
RING_MAX = 16384
RING_WORDS = 2  # changes (writer): the commit; kind << 56 | table << 48 | ref
NOTHING = 0  # of a commit that never was
CREATED = 1
DELETED = 2
CLEARED = 3
FORKED = 4
UPDATED = 5

ENDED_AT = RING_AT + RING_MAX * RING_WORDS
ENDED_MAX = 16384  # changes (cleaner): table << 48 | the version; 0: its end was taken back

CONTROL_SIZE = 524288
"""Bytes: the words above, rounded up to 64 KiB."""

# --- Index ---------------------------------------------------------------------------------------
#
# Open addressing, linear probing, one word an entry; at most half of the entries are in use.
# An entry: ref of the newest version | gone << 48 | the upper 15 bits of the key's hash << 49.

SLOTS_AT = HEADER_WORDS
SLOTS_MIN = 512
EMPTY = 0
TOMB = 1  # was in use; a probe goes on
MOVED = 2  # its key is in the next generation; a probe goes on, nothing remembered of it is valid
GONE = 1 << 48  # the version has ended, by a delete or a clear, and no newer one has begun
REF_MASK = GONE - 1
HASH_SHIFT = 49
FINGERPRINT_SHIFT = 17

# --- Chunk ---------------------------------------------------------------------------------------
#
# Versions, appended, each at a multiple of 16 bytes: mutable words, then a head, the key, the body.
# A ref names a version for ever: chunk number << 20 | bytes / 16 from the chunk's start to a head.

REF_OFFSET_BITS = 20
REF_OFFSET_MASK = (1 << REF_OFFSET_BITS) - 1
ALIGNMENT = 16
CHUNK_MIN = 1 << 16
CHUNK_MAX = 1 << 22  # a chunk for one record larger than this is as large as that takes
CHUNK_LIMIT = 1 << 24  # what a ref can address
RECORD_LIMIT = CHUNK_LIMIT - 4096  # so --max-record cannot go past this

# Mutable words, counted in words back from the head. List 0 is the table's own order; list n is
# that of the n-th index.

END = -1  # changes (table, retiring): the commit that ended the version; 0 = none; TAKEN; COPIED
OLDER = -2  # changes (lists): the next version in list 0; for list n, 2 n words before this
NEWER = -3  # changes (lists): the one before in list 0; for list n, 2 n words before this
FIRST = -4  # changes (lists, retiring); of a namespace or a value: the newest version of its list
COUNT_A = -5  # changes (table); of a namespace: commit << 24 | records, as of one commit
COUNT_B = -6  # changes (table); the same, as of another. The greater visible commit counts
COUNT_BITS = 24
COUNT_MAX = (1 << COUNT_BITS) - 1

HEAD = struct.Struct("=IiQQdQ")
"""After the first word: scope, created's rest, begin, previous, created, number.

created is a double; its rest is what that leaves of an integer past 53 bits."""
HEAD_SIZE = WORD + HEAD.size
SCOPE_AND_BEGIN = struct.Struct("=I4xQ")
"""The first part of `HEAD`, without created's rest."""
SUM_MASK = (1 << 32) - 1
BODY_SIZE_SHIFT = 32
KEY_SIZE_SHIFT = 56
"""The first word: CRC-32 of all from `HEAD` to the end of the body | body size | key size."""
NUMBER_BITS = 24
"""A record's number is the commit that inserted it << 24, and counts on from there within it."""
ORDER = struct.Struct("=4xi16xdQ")
ORDER_AT = 8
"""created's rest, created and number alone, and where this begins, in bytes from the head."""
SUM_SEED = 0x7467

# A scope says what the key is, and seeds its hash:
NAMESPACES = 0  # the key is a namespace's name; the version's number scopes its records
VALUES = 1 << 31  # | the namespace's number: field number (one byte), then the value's key
# The body of a namespace that is a fork is its parent's name; other namespaces and values have
# none. A record with an empty body hides the one that the fork would inherit.
KEY_MAX = 255  # bytes

# --- Limits --------------------------------------------------------------------------------------
#
# What numbers of the format can hold. Each is checked before anything is stored for a request;
# docs/format.md has the same table.

INDEXES_MAX = 16
"""Indexed fields of a table, so that a version's mutable words are few."""
FIRST_DEFINED = 64
TABLES_MAX = 256
"""Numbers of tables end before; those from `FIRST_DEFINED` on are the users' own."""
WORD_MAX = (1 << 64) - 1


class Limit(NamedTuple):
    """The most of something, and what to do when more is needed."""

    most: int
    what: str
    remedy: str = "move the records to a new instance with `tigerd dump` and `tigerd load`"

    def check(self, wanted: int, where: str) -> None:
        """Raise `StoreFull` if a number is above the limit."""
        if wanted > self.most:
            raise StoreFull(
                f"{where}: {wanted:,} {self.what} would be needed, the limit is {self.most:,}, and "
                f"nothing was changed: {self.remedy}",
                limit=self.what,
            )


COMMITS = Limit((1 << 64 - COUNT_BITS) - 1, "commits in the life of an instance")
CHUNKS = Limit((1 << 48 - REF_OFFSET_BITS) - 1, "chunks in the life of a table")
GENERATIONS = Limit((1 << 32) - 1, "generations of an index in the life of a table")
SCOPES = Limit(VALUES - 1, "namespaces in the life of a table")
RECORDS = Limit(COUNT_MAX, "records of a table in one namespace", "use several namespaces")
LIMITS = (COMMITS, CHUNKS, GENERATIONS, SCOPES, RECORDS)


TAKEN = 1
"""The `END` of a version that was taken away, or never committed: before every commit, so a reader
that still comes upon it does not see it. None ends at commit 1."""
COPIED = 1 << 63
"""The `END` of an original whose copy has taken its place: after every commit, so it is visible to
a reader that still comes upon it."""


def mutable_words(index_count: int) -> int:
    """Return how many mutable words are before each head in a table with that many indexes."""
    count = max(6, 3 + 2 * index_count)
    return count + count % 2


def first_word(body_size: int, key_size: int, checksum: int) -> int:
    """Return the first word of a head."""
    return key_size << KEY_SIZE_SHIFT | body_size << BODY_SIZE_SHIFT | checksum


def ref_of(chunk: int, head: int) -> int:
    """Return the ref of the version whose head is `head` bytes into that chunk."""
    return chunk << REF_OFFSET_BITS | head // ALIGNMENT


def entry_at(table: int, word: int) -> int:
    """Return the place of one word of a table's entry in the control segment."""
    return TABLES_AT + table * TABLE_WORDS + word


def daemon_at(number: int) -> int:
    """Return the place of the random number of the n-th daemon in the control segment."""
    return DAEMONS_AT + number % DAEMONS_MAX


def client_at(slot: int, word: int) -> int:
    """Return the place of one word of a client's slot in the control segment."""
    return CLIENTS_AT + slot * CLIENT_WORDS + word


def ended_at(entry: int) -> int:
    """Return the place of the n-th entry of the ring of ended versions in the control segment."""
    return ENDED_AT + entry % ENDED_MAX


def ring_at(change: int) -> int:
    """Return the place of the words of the n-th change in the control segment."""
    return RING_AT + change % RING_MAX * RING_WORDS
