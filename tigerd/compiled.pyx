# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What the daemon does for every record, compiled: an optional part, and never another answer.

As in `tiger.compiled`: each function does the common case of one that is written in Python, and
leaves what is not common to that one, by returning None. What it stores into shared memory, and
in which order, is the same too: tests that look at every store let all of them be made by
`WritableSegment.store` and `write`.
"""

from cpython.buffer cimport PyBUF_READ, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from zlib import crc32

from tiger import layout, memory, record

cdef extern from *:
    """
    #ifndef SOURCE_DIGEST
    #define SOURCE_DIGEST ""
    #endif
    """
    const char *SOURCE_DIGEST

DIGEST = SOURCE_DIGEST.decode()
"""Of the sources that this was made of: `tiger.sources.digest_of`."""

cdef extern from *:
    """
    #define STORE(at, value) __atomic_store_n((at), (value), __ATOMIC_RELEASE)
    #define FENCE() __atomic_thread_fence(__ATOMIC_SEQ_CST)
    """
    void STORE(uint64_t *, uint64_t) nogil
    void FENCE() nogil

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object, Py_ssize_t *) except NULL

cdef int DEPTH_MAX = record.DEPTH_MAX
cdef int KEY_MAX = layout.KEY_MAX
cdef int64_t EXACT = 1 << 53  # a double holds all integers up to here


include "../client/tiger/value.pxi"


# --- Turns of the processor: serve ----------------------------------------------------------------

cdef extern from *:
    """
    #ifdef __linux__
    #include <sched.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    static int take_turns_of(uint64_t ns) {
        struct {  /* sched_attr, as far as it is in every kernel: sched_setattr(2) */
            uint32_t size, policy;
            uint64_t flags;
            int32_t nice;
            uint32_t priority;
            uint64_t runtime, deadline, period;
        } said;
        if (syscall(SYS_sched_getattr, 0, &said, sizeof said, 0) || said.policy != SCHED_OTHER)
            return -1;
        said.runtime = ns;
        return (int)syscall(SYS_sched_setattr, 0, &said, 0);
    }
    #else
    static int take_turns_of(uint64_t ns) { return -1; }
    #endif
    """
    int take_turns_of(uint64_t)


def take_turns(uint64_t ns):
    """Ask the kernel to give this process turns of so many nanoseconds, where it has such a choice.

    Linux has since 6.12, for processes of the usual kind. Nothing else of the process changes.
    """
    return take_turns_of(ns) == 0


# --- facts.facts_of -------------------------------------------------------------------------------

cdef const uint8_t *read_text(
    const uint8_t *at, const uint8_t *end, Value *value
) except? NULL:
    """Read a value, and raise if it is a text that is none."""
    at = read(at, end, value)
    if value.kind == TEXT and not is_ascii(value.text, value.size):
        PyUnicode_DecodeUTF8(<const char *>value.text, value.size, "strict")
    return at


cdef const uint8_t *skip(
    const uint8_t *at, const uint8_t *end, Value *value, int depth
) except? NULL:
    """Read a value with all that is in it; it is `UNCOMMON` if anything in it is."""
    cdef Value inner
    cdef Py_ssize_t left
    at = read_text(at, end, value)
    if value.kind == ARRAY or value.kind == MAP:
        if depth > DEPTH_MAX:
            value.kind = UNCOMMON
            return at
        left = value.size
        while left:
            left -= 1
            if value.kind == MAP:
                at = read_text(at, end, &inner)
                if inner.kind != TEXT:
                    value.kind = UNCOMMON
                    return at
            at = skip(at, end, &inner, depth + 1)
            if inner.kind == UNCOMMON:
                value.kind = UNCOMMON
                return at
    return at


cdef enum:
    FIELDS_MAX = 16


def facts_of(bytes body, tuple fields):
    """Return what is to be known of a record, as `facts.facts_of`; None if that is to look."""
    cdef Value found[FIELDS_MAX + 2]  # the id, `created`, the fields
    cdef const char *names[FIELDS_MAX + 2]
    cdef Py_ssize_t sizes[FIELDS_MAX + 2]
    cdef Py_ssize_t count = 2, index
    if len(fields) > FIELDS_MAX:
        return None
    names[0], sizes[0] = b"id", 2
    names[1], sizes[1] = b"created", 7
    for field in fields:
        names[count] = PyUnicode_AsUTF8AndSize(field, &sizes[count])
        count += 1
    try:
        if not find(body, found, names, sizes, count):
            return None
    except UnicodeDecodeError:
        return None
    key = name_of(&found[0])
    created = created_of(&found[1])
    if key is None or created is None:
        return None
    values = []
    for index in range(2, count):
        if found[index].kind != ABSENT:
            value = value_key(&found[index], index - 1)
            if value is None:
                return None
            values.append((index - 1, value))
    return key, created, values


cdef bint find(
    bytes body, Value *found, const char **names, Py_ssize_t *sizes, Py_ssize_t count
) except -1:
    """Find the values of those names in an object; return whether all of it is common."""
    cdef Value whole, name, value
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(body)
    cdef const uint8_t *end = at + PyBytes_GET_SIZE(body)
    cdef Py_ssize_t left, index
    for index in range(count):
        found[index].kind = ABSENT
    at = read(at, end, &whole)
    if whole.kind != MAP:
        return False
    left = whole.size
    while left:
        left -= 1
        at = read_text(at, end, &name)
        if name.kind != TEXT:
            return False
        at = skip(at, end, &value, 2)
        if value.kind == UNCOMMON:
            return False
        value.length = at - value.start
        for index in range(count):
            if name.size == sizes[index] and not memcmp(name.text, names[index], name.size):
                found[index] = value  # of two of one name the last one counts
    return at == end


cdef bytes name_of(Value *value):
    """Return the bytes of an id of ASCII letters; None for another one, or none."""
    cdef Py_ssize_t at
    if value.kind != TEXT or not 0 < value.size <= KEY_MAX:
        return None
    for at in range(value.size):
        if not 0x20 <= value.text[at] < 0x7F:
            return None
    return PyBytes_FromStringAndSize(<const char *>value.text, value.size)


cdef tuple created_of(Value *value):
    """Return what `created` comes to in the order of lists; None if a double cannot say it."""
    if value.kind == INTEGER:
        if not -EXACT <= value.integer <= EXACT:
            return None
        return <double>value.integer, 0
    if value.kind == FRACTION:
        return value.fraction + 0.0, 0
    return 0.0, 0


cdef bytes value_key(Value *value, char index):
    """Return the key of an indexed value; None for what is not packed as keys are."""
    if not (value.kind == CONSTANT or value.kind == INTEGER or value.kind == TEXT):
        return None
    if not value.is_shortest or value.length >= KEY_MAX:
        return None
    key = PyBytes_FromStringAndSize(NULL, 1 + value.length)
    PyBytes_AS_STRING(key)[0] = index
    memcpy(PyBytes_AS_STRING(key) + 1, value.start, value.length)
    return key


# --- Requests: requests.parse ---------------------------------------------------------------------

cdef enum:
    REQUEST = 0x96  # an array of six
    BYTES_8 = 0xC4
    BYTES_32 = 0xC6
    FALSE = 0xC2
    TRUE = 0xC3


def parse(bytes frame, int version, uint64_t numbers_end):
    """Return client, slot, number, whether to answer, operations, as `requests.parse`.

    None for any request but one operation with table, namespace and a record, which are many.
    """
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(frame)
    cdef const uint8_t *end = at + PyBytes_GET_SIZE(frame)
    # Version, client, slot, number, answer, operations; name, table, namespace.
    cdef Value values[9]
    cdef Value operation
    cdef Py_ssize_t number, size
    if PyBytes_GET_SIZE(frame) < 16 or at[0] != REQUEST:
        return None
    at += 1
    for number in range(6):
        at = read(at, end, &values[number])
    at = read(at, end, &operation)
    if not (
        is_number(&values[0], version, version + 1)
        and is_number(&values[1], 1, numbers_end)
        and is_number(&values[2], 0, numbers_end)
        and is_number(&values[3], 0, numbers_end)
        and values[4].kind == CONSTANT and values[4].start[0] in (FALSE, TRUE)
        and values[5].kind == ARRAY and values[5].size == 1
        and operation.kind == ARRAY and operation.size == 4
    ):
        return None
    for number in range(6, 9):
        at = read(at, end, &values[number])
    if not (is_text(&values[6]) and values[7].kind == INTEGER and is_text(&values[8])):
        return None
    if end - at < 5 or not BYTES_8 <= at[0] <= BYTES_32:
        return None
    number = 1 << (at[0] - BYTES_8)
    size = number_at(at + 1, number)
    at += 1 + number
    if end - at != size:
        return None
    body = PyBytes_FromStringAndSize(<const char *>at, size)
    return (
        values[1].integer, values[2].integer, values[3].integer, values[4].start[0] == TRUE,
        [[text_of(&values[6]), values[7].integer, text_of(&values[8]), body]],
    )


def is_bounded(bytes frame, Py_ssize_t most):
    """Tell whether a frame has at most so many values, as `counting.is_bounded`."""
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(frame)
    cdef Py_ssize_t end = PyBytes_GET_SIZE(frame), at = 0, left = 1, count = 0
    cdef int code, width
    while left:
        if count + left > most:
            return False
        if at >= end:
            return True
        left -= 1
        count += 1
        code = data[at]
        at += 1
        if code < 0x80 or code >= 0xE0 or 0xC0 <= code <= 0xC3:
            continue
        if code < 0x90:
            left += 2 * (code & 0x0F)
        elif code < 0xA0:
            left += code & 0x0F
        elif code < 0xC0:
            at += code & 0x1F
        elif 0xCA <= code <= 0xCB:
            at += 4 << (code - 0xCA)
        elif 0xCC <= code <= 0xD3:
            at += 1 << (code & 3)
        elif 0xD4 <= code <= 0xD8:
            at += 1 + (1 << (code - 0xD4))
        else:  # a size follows
            if code <= 0xC6:
                width = 1 << (code - 0xC4)
            elif code <= 0xC9:
                width = 1 << (code - 0xC7)
            elif code <= 0xDB:
                width = 1 << (code - 0xD9)
            else:
                width = 2 << (code & 1)
            if end - at < width:
                return True
            if code >= 0xDE:
                left += 2 * number_at(data + at, width)
            elif code >= 0xDC:
                left += number_at(data + at, width)
            else:
                at += number_at(data + at, width) + (0xC7 <= code <= 0xC9)
            at += width
    return True


cdef bint is_number(Value *value, int64_t least, int64_t end) noexcept:
    return value.kind == INTEGER and least <= value.integer < end


cdef bint is_text(Value *value) noexcept:
    return value.kind == TEXT and is_ascii(value.text, value.size)


cdef str text_of(Value *value):
    return PyUnicode_DecodeASCII(<const char *>value.text, value.size, "strict")


# --- Segments -------------------------------------------------------------------------------------

cdef uint64_t EMPTY = layout.EMPTY
cdef uint64_t TOMB = layout.TOMB
cdef uint64_t MOVED = layout.MOVED
cdef uint64_t REF_MASK = layout.REF_MASK
cdef uint64_t REF_OFFSET_MASK = layout.REF_OFFSET_MASK
cdef int REF_OFFSET_BITS = layout.REF_OFFSET_BITS
cdef int HASH_SHIFT = layout.HASH_SHIFT
cdef int FINGERPRINT_SHIFT = layout.FINGERPRINT_SHIFT
cdef Py_ssize_t SLOTS_AT = layout.SLOTS_AT
cdef Py_ssize_t INDEX_USED = layout.INDEX_USED
cdef Py_ssize_t INDEX_KEYS = layout.INDEX_KEYS
cdef Py_ssize_t INDEX_MOVING = layout.INDEX_MOVING
cdef Py_ssize_t ALIGNMENT = layout.ALIGNMENT
cdef int KEY_SIZE_SHIFT = layout.KEY_SIZE_SHIFT
cdef int BODY_SIZE_SHIFT = layout.BODY_SIZE_SHIFT

cdef packed struct Head:
    # layout.HEAD
    uint32_t scope
    int32_t rest
    uint64_t begin
    uint64_t previous
    double created
    uint64_t number

cdef Py_ssize_t HEAD_SIZE = layout.HEAD.size
assert HEAD_SIZE == sizeof(Head)

cdef bint are_watched = False


def watch(bint on):
    """Let all stores be made by methods of the segments, or not any more: for tests."""
    global are_watched
    are_watched = on


cdef enum:
    WORD = 8
    LISTS_MAX = FIELDS_MAX + 1
    OPEN_MAX = 4 * LISTS_MAX + 3

cdef struct Segments:
    # Segments whose words are at hand, until they are released.
    Py_buffer views[OPEN_MAX]
    PyObject *segments[OPEN_MAX]  # held by who calls
    Py_ssize_t count


cdef Py_ssize_t hold(Segments *held, object segment) except -1:
    """Return the number of a segment among those held."""
    cdef Py_ssize_t number
    for number in range(held.count):
        if held.segments[number] == <PyObject *>segment:
            return number
    PyObject_GetBuffer(segment.words, &held.views[held.count], PyBUF_WRITABLE)
    held.segments[held.count] = <PyObject *>segment
    held.count += 1
    return held.count - 1


cdef void release_after(Segments *held, Py_ssize_t count) noexcept:
    """Release all but the first few."""
    while held.count > count:
        held.count -= 1
        PyBuffer_Release(&held.views[held.count])


cdef inline uint64_t *words_of(Segments *held, Py_ssize_t number) noexcept:
    return <uint64_t *>held.views[number].buf


cdef Py_ssize_t HEADER_WORDS = layout.HEADER_WORDS

cdef struct Word:
    Py_ssize_t segment
    Py_ssize_t at


cdef Word word_of(Segments *held, dict chunks, uint64_t ref, Py_ssize_t place) except *:
    """Return where a word of a version is; the head's is 0."""
    cdef Word word
    word.segment = hold(held, chunks[ref >> REF_OFFSET_BITS])
    word.at = (ref & REF_OFFSET_MASK) * ALIGNMENT // WORD + place
    if (
        word.at < HEADER_WORDS
        or WORD * word.at + WORD + HEAD_SIZE > held.views[word.segment].len
    ):
        raise IndexError(f"version {ref} is not in its chunk")
    return word


cdef int store(Segments *held, Py_ssize_t number, Py_ssize_t at, uint64_t value) except -1:
    """Change one word: `WritableSegment.store`."""
    if are_watched:
        (<object>held.segments[number]).store(at, value)
    else:
        STORE(words_of(held, number) + at, value)
    return 0


cdef int fence() except -1:
    if are_watched:
        memory.fence()
    else:
        FENCE()
    return 0


# --- The index: Index._insert, Index.move ---------------------------------------------------------

cdef int insert(
    Segments *held, Py_ssize_t index, uint32_t digest, uint64_t word, uint64_t free
) except -1:
    """Give a key a place in an index."""
    cdef uint64_t *words = words_of(held, index) + SLOTS_AT
    cdef uint64_t mask = held.views[index].len // WORD - SLOTS_AT - 1
    cdef uint64_t place = digest & mask
    cdef uint64_t last = place + mask
    while words[place & mask] > free:
        if place == last:
            raise IndexError("an index without an empty place")
        place += 1
    place &= mask
    if words[place] == EMPTY:
        add(held, index, INDEX_USED, 1)
    store(held, index, SLOTS_AT + <Py_ssize_t>place, word)
    return 0


cdef int add(Segments *held, Py_ssize_t index, Py_ssize_t word, uint64_t change) except -1:
    """Change one of the counts that an index keeps of itself: `Index._add`."""
    return store(held, index, word, words_of(held, index)[word] + change)


def has_hash(index, scope, bytes key):
    """Tell whether an index has a key of the hash of this one; without one, it has not this key."""
    cdef Segments held
    cdef uint32_t digest = crc32(key, scope)
    cdef uint64_t word = TOMB, slots, place
    held.count = 0
    hold(&held, index)
    slots = held.views[0].len // WORD - SLOTS_AT
    for place in range(digest, digest + slots):
        word = words_of(&held, 0)[SLOTS_AT + <Py_ssize_t>(place & (slots - 1))]
        if word == EMPTY or word >> HASH_SHIFT == digest >> FINGERPRINT_SHIFT:
            break
    release_after(&held, 0)
    return word != EMPTY


def move(previous, current, dict chunks, Py_ssize_t start, Py_ssize_t stop):
    """Move the entries in some places of an index over, as `Index.move`; return that it is done."""
    cdef Segments held
    cdef uint64_t word
    cdef Py_ssize_t at
    held.count = 0
    try:
        hold(&held, previous)
        hold(&held, current)
        for at in range(start, stop):
            word = words_of(&held, 0)[at]
            if word > MOVED:
                store(&held, 0, INDEX_MOVING, at)
                insert(&held, 1, digest_of(&held, chunks, word & REF_MASK), word, TOMB)
                fence()  # there before it is gone from here
                store(&held, 0, at, MOVED)
                if held.count == OPEN_MAX:
                    release_after(&held, 2)
    finally:
        release_after(&held, 0)
    return True


cdef uint32_t digest_of(Segments *held, dict chunks, uint64_t ref) except? 0:
    """Return the hash of a version's key: `TableReader.digest`."""
    cdef Word head = word_of(held, chunks, ref, 0)
    cdef const uint8_t *at = <const uint8_t *>(words_of(held, head.segment) + head.at)
    cdef Py_ssize_t key_size = (<const uint64_t *>at)[0] >> KEY_SIZE_SHIFT
    cdef uint32_t scope
    if WORD * head.at + WORD + HEAD_SIZE + key_size > held.views[head.segment].len:
        raise IndexError(f"the key of version {ref} is not in its chunk")
    memcpy(&scope, at + WORD, sizeof(scope))
    key = PyBytes_FromStringAndSize(<const char *>at + WORD + HEAD_SIZE, key_size)
    return crc32(key, scope)


# --- Versions: Table.put --------------------------------------------------------------------------

cdef object VALUES = layout.VALUES
cdef Py_ssize_t END = layout.END
cdef Py_ssize_t OLDER = layout.OLDER
cdef Py_ssize_t NEWER = layout.NEWER
cdef Py_ssize_t FIRST = layout.FIRST
cdef Py_ssize_t STATE = layout.HEADER_STATE
cdef uint64_t HEADER_SIZE = layout.HEADER_WORDS * layout.WORD
cdef object SUM_SEED = layout.SUM_SEED

cdef struct Place:
    # In a list: the word that is to name the version, and the same of its older neighbour.
    Word named_by
    Word names_back
    uint64_t newer
    uint64_t older


def put(
    table, namespace, bytes key, bytes body, tuple order, values, found, old, beside,
    dict kept, uint64_t commit,
):
    """Put a version of a record beside another or at its place, as `Table.put`; return its ref.

    None, and nothing is stored, if more is to be made for it.
    """
    cdef Segments held
    cdef Place places[LISTS_MAX]
    cdef Word end
    cdef Head head
    cdef Py_ssize_t chunk, index, place = 0, number
    cdef uint64_t ref, word
    cdef uint32_t digest
    space = table.space
    entries = table.index
    active = space._active
    if not active or len(values) >= LISTS_MAX:
        return None
    held.count = 0
    try:
        chunk = hold(&held, space.chunks[active])
        index = hold(&held, entries.current)
        if found is not None:
            place = found[1]
            if found[0] is not entries.current or words_of(&held, index)[place] != found[2]:
                return None  # it has moved, or was changed by what this commit did before
        scope = namespace.scope
        head.scope, head.begin = scope, commit
        head.created, head.rest, head.number = order
        head.previous = found[3].ref if found is not None else 0
        if not find_places(&held, places, table, namespace, &head, order, values, beside, kept):
            return None
        digest = crc32(key, scope)
        data = version(places, values, table.mutable_count, &head, key, body)
        ref = append(&held, chunk, space, active, data, table.mutable_count)
        if not ref:
            return None
        for number in range(len(values) + 1):
            store(&held, places[number].named_by.segment, places[number].named_by.at, ref)
            if places[number].older:
                store(&held, places[number].names_back.segment, places[number].names_back.at, ref)
        word = <uint64_t>(digest >> FINGERPRINT_SHIFT) << HASH_SHIFT | ref
        if found is not None:
            store(&held, index, place, word)
        else:
            add(&held, index, INDEX_KEYS, 1)
            insert(&held, index, digest, word, EMPTY if namespace.parent else TOMB)
        if old is not None:
            end = word_of(&held, space.chunks, old.ref, END)
            store(&held, end.segment, end.at, commit)
        return ref
    finally:
        release_after(&held, 0)


cdef bint find_places(
    Segments *held, Place *places, table, namespace, Head *head, tuple order, values, beside,
    dict kept,
) except -1:
    """Find where a version goes in each list; return whether all the lists are there."""
    cdef Py_ssize_t number = 0
    cdef dict chunks = table.space.chunks
    cdef dict owners = table.owners
    scope = namespace.scope
    values_scope = VALUES | scope
    owner = namespace.ref
    index, value = 0, b""
    while True:
        if beside is not None and (number == 0 or kept.get(index) == value):
            find_beside(held, &places[number], chunks, owner, beside.ref, index)
        elif not find_front(held, &places[number], chunks, owner, head, index):
            newer, older = table.lists.place((scope, index, value), table.first_of(owner), order)
            find_between(held, &places[number], chunks, owner, newer, older, index)
        if number == len(values):
            return True
        index, value = values[number]
        number += 1
        owner = owners.get((values_scope, value))
        if owner is None:
            return False


cdef int find_beside(
    Segments *held, Place *place, dict chunks, uint64_t owner, uint64_t beside, Py_ssize_t index
) except -1:
    """Find the place of a version on the newer side of another one of its record."""
    cdef Word newer = word_of(held, chunks, beside, NEWER - 2 * index)
    place.names_back = newer
    place.older = beside
    place.newer = words_of(held, newer.segment)[newer.at]
    if place.newer:
        place.named_by = word_of(held, chunks, place.newer, OLDER - 2 * index)
    else:
        place.named_by = word_of(held, chunks, owner, FIRST)
    return 0


cdef int find_between(
    Segments *held, Place *place, dict chunks, uint64_t owner, uint64_t newer, uint64_t older,
    Py_ssize_t index,
) except -1:
    """Find the place between two neighbours, as they are known; 0 is an end."""
    place.newer = newer
    place.older = older
    if newer:
        place.named_by = word_of(held, chunks, newer, OLDER - 2 * index)
    else:
        place.named_by = word_of(held, chunks, owner, FIRST)
    if older:
        place.names_back = word_of(held, chunks, older, NEWER - 2 * index)
    return 0


cdef bint find_front(
    Segments *held, Place *place, dict chunks, uint64_t owner, Head *head, Py_ssize_t index
) except -1:
    """Find the place in front of a list; return whether the order says so."""
    cdef Word first
    place.named_by = word_of(held, chunks, owner, FIRST)
    place.newer = 0
    place.older = words_of(held, place.named_by.segment)[place.named_by.at]
    if not place.older:
        return True
    place.names_back = word_of(held, chunks, place.older, NEWER - 2 * index)
    first = word_of(held, chunks, place.older, 0)
    return is_before(head, head_at(held, first))


def walk(dict chunks, uint64_t newer, uint64_t older, Py_ssize_t index, tuple order, int steps):
    """Follow links to what is older, at most to the place of that order: `Lists._walk`."""
    cdef Segments held
    cdef Word version
    cdef Head head
    head.created, head.rest, head.number = order
    held.count = 0
    try:
        for _ in range(steps):
            if not older:
                break
            version = word_of(&held, chunks, older, 0)
            if is_before(&head, head_at(&held, version)):
                break
            newer = older
            version = word_of(&held, chunks, older, OLDER - 2 * index)
            older = words_of(&held, version.segment)[version.at]
            if held.count == OPEN_MAX:
                release_after(&held, 0)
        return newer, older
    finally:
        release_after(&held, 0)


cdef const Head *head_at(Segments *held, Word version) noexcept:
    """Return the head of a version after its first word."""
    return <const Head *>(words_of(held, version.segment) + version.at + 1)


cdef bint is_before(const Head *head, const Head *other) noexcept:
    """Whether a version comes before another one in lists, or is equal in order."""
    if head.created != other.created:
        return head.created > other.created
    if head.rest != other.rest:
        return head.rest > other.rest
    return head.number >= other.number


cdef bytes version(
    Place *places, values, Py_ssize_t mutable_count, const Head *head, bytes key, bytes body
):
    """Return the bytes of a version, as `Table._append` makes them."""
    cdef Py_ssize_t content_at = WORD * mutable_count + WORD
    cdef Py_ssize_t content_size = HEAD_SIZE + len(key) + len(body)
    cdef Py_ssize_t size = (content_at + content_size + ALIGNMENT - 1) & -ALIGNMENT
    cdef Py_ssize_t number, index
    cdef uint64_t *words
    cdef char *content
    data = PyBytes_FromStringAndSize(NULL, size)
    words = <uint64_t *>PyBytes_AS_STRING(data)
    memset(words, 0, size)
    for number in range(len(values) + 1):
        index = values[number - 1][0] if number else 0
        words[mutable_count + OLDER - 2 * index] = places[number].older
        words[mutable_count + NEWER - 2 * index] = places[number].newer
    content = <char *>words + content_at
    memcpy(content, head, HEAD_SIZE)
    memcpy(content + HEAD_SIZE, PyBytes_AS_STRING(key), len(key))
    memcpy(content + HEAD_SIZE + len(key), PyBytes_AS_STRING(body), len(body))
    words[mutable_count] = (
        <uint64_t>len(key) << KEY_SIZE_SHIFT
        | <uint64_t>len(body) << BODY_SIZE_SHIFT
        | <uint64_t>crc32(PyMemoryView_FromMemory(content, content_size, PyBUF_READ), SUM_SEED)
    )
    return data


cdef uint64_t append(
    Segments *held, Py_ssize_t chunk, space, active, bytes data, uint64_t mutable_count
) except? 0:
    """Append a version to the chunk that is being filled, as `Space.append`; 0 without room."""
    cdef uint64_t used = words_of(held, chunk)[STATE]
    cdef uint64_t size = held.views[chunk].len
    if used < HEADER_SIZE or used % ALIGNMENT or used > size or size - used < <uint64_t>len(data):
        return 0
    if are_watched:
        (<object>held.segments[chunk]).write(used, data)
    else:
        memcpy(<char *>held.views[chunk].buf + used, PyBytes_AS_STRING(data), len(data))
    store(held, chunk, STATE, used + len(data))
    fence()  # before anything refers to it
    space.needed[active] += len(data)
    return <uint64_t>active << REF_OFFSET_BITS | (used + mutable_count * WORD) // <uint64_t>ALIGNMENT
