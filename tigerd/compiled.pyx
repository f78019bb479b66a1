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

from tiger import layout, memory, protocol, record

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


cdef bytes plain_name(object name):
    """Return the bytes of an id as `name_of` does."""
    cdef Value value
    if type(name) is not str or not (<str>name).isascii():
        return None
    value.kind = TEXT
    value.text = <const uint8_t *>PyUnicode_AsUTF8AndSize(name, &value.size)
    return name_of(&value)


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
    NIL = 0xC0
    FALSE = 0xC2
    TRUE = 0xC3


cdef enum:
    VALUES_FEW = 512  # in a request; of one with more the Python counts what memory it would take


def parse(bytes frame, int version, uint64_t numbers_end):
    """Return client, slot, number, whether to answer, operations, as `requests.parse`.

    None for a question, and for what is not common in a request: texts that are not ASCII, say.
    """
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(frame)
    cdef const uint8_t *end = at + PyBytes_GET_SIZE(frame)
    cdef Value values[5]  # version, client, slot, number, answer
    cdef Py_ssize_t number, left = VALUES_FEW
    if PyBytes_GET_SIZE(frame) < 16 or at[0] != REQUEST:
        return None
    at += 1
    for number in range(5):
        at = read(at, end, &values[number])
    if not (
        is_number(&values[0], version, version + 1)
        and is_number(&values[1], 1, numbers_end)
        and is_number(&values[2], 0, numbers_end)
        and is_number(&values[3], 0, numbers_end)
        and values[4].kind == CONSTANT and values[4].start[0] in (FALSE, TRUE)
    ):
        return None
    operations = item_at(&at, end, &left)
    if (
        at != end or type(operations) is not list or not <list>operations
        or type((<list>operations)[0]) is not list
    ):
        return None
    return (
        values[1].integer, values[2].integer, values[3].integer, values[4].start[0] == TRUE,
        operations,
    )


cdef object item_at(const uint8_t **at, const uint8_t *end, Py_ssize_t *left):
    """Return a part of an operation, and let `at` be where the next begins.

    NotImplemented if it is uncommon, and when there were more than so many values.
    """
    cdef Value value
    cdef Py_ssize_t number, size
    left[0] -= 1
    if left[0] < 0:
        return NotImplemented
    if end - at[0] > 5 and BYTES_8 <= at[0][0] <= BYTES_32:
        number = 1 << (at[0][0] - BYTES_8)
        size = number_at(at[0] + 1, number)
        at[0] += 1 + number
        if end - at[0] < size:
            return NotImplemented
        body = PyBytes_FromStringAndSize(<const char *>at[0], size)
        at[0] += size
        return body
    at[0] = read(at[0], end, &value)
    if value.kind == INTEGER:
        return value.integer
    if is_text(&value):
        return text_of(&value)
    if value.kind == CONSTANT:
        return None if value.start[0] == NIL else value.start[0] == TRUE
    if value.kind != ARRAY or value.size > left[0]:
        return NotImplemented
    items = []
    for number in range(value.size):
        item = item_at(at, end, left)
        if item is NotImplemented:
            return item
        items.append(item)
    return items


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
cdef uint64_t GONE = layout.GONE
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
cdef uint64_t SUM_MASK = layout.SUM_MASK
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
    OPEN_MAX = 4 * LISTS_MAX + 8

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
    if held.count == OPEN_MAX:
        raise IndexError("a key in too many segments")
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


cdef struct Entry:
    # What an index has of a key, and what its newest version says.
    Py_ssize_t at
    uint64_t word
    Word head
    Py_ssize_t key_size
    Py_ssize_t body_size


cdef bint find_entry(
    Segments *held, Py_ssize_t index, dict chunks, scope, bytes key, Entry *entry
) except -1:
    """Find a key in an index; return whether it is there: `TableReader.probe`."""
    cdef uint32_t digest = crc32(key, scope)
    cdef uint64_t mask = held.views[index].len // WORD - SLOTS_AT - 1
    cdef uint64_t place, word
    for place in range(digest, digest + mask + 1):
        word = words_of(held, index)[SLOTS_AT + <Py_ssize_t>(place & mask)]
        if word == EMPTY:
            break
        if word > MOVED and word >> HASH_SHIFT == digest >> FINGERPRINT_SHIFT:
            entry.at, entry.word = SLOTS_AT + <Py_ssize_t>(place & mask), word
            if is_of(held, chunks, entry, scope, key):
                return True
    return False


cdef bint is_of(Segments *held, dict chunks, Entry *entry, uint64_t scope, bytes key) except -1:
    """Look at the version that an entry names; return whether it is of that key."""
    cdef uint64_t ref = entry.word & REF_MASK
    cdef uint64_t first
    cdef const char *content
    entry.head = word_of(held, chunks, ref, 0)
    first = words_of(held, entry.head.segment)[entry.head.at]
    content = <const char *>(words_of(held, entry.head.segment) + entry.head.at + 1)
    entry.key_size = first >> KEY_SIZE_SHIFT
    entry.body_size = first >> BODY_SIZE_SHIFT & 0xFFFFFF
    cdef Py_ssize_t size = HEAD_SIZE + entry.key_size + entry.body_size
    if WORD * entry.head.at + WORD + size > held.views[entry.head.segment].len or (
        crc32(PyMemoryView_FromMemory(<char *>content, size, PyBUF_READ), SUM_SEED)
        != first & SUM_MASK
    ):
        raise IndexError(f"version {ref} is not whole")
    return (
        head_of(held, entry).scope == scope
        and entry.key_size == PyBytes_GET_SIZE(key)
        and not memcmp(content + HEAD_SIZE, PyBytes_AS_STRING(key), entry.key_size)
    )


cdef const Head *head_of(Segments *held, Entry *entry) noexcept:
    return <const Head *>(words_of(held, entry.head.segment) + entry.head.at + 1)


cdef class Put:
    """A version of a record that is to be put, and what was there."""

    cdef object table
    cdef object namespace  # None: it begins with this
    cdef bytes key
    cdef bytes body
    cdef tuple created
    cdef uint64_t number  # in the order of lists; 0: the next one
    cdef list values
    cdef Py_ssize_t at  # where the index has the key; -1: nowhere
    cdef uint64_t word  # what stands there
    cdef uint64_t previous  # the version that it names
    cdef uint64_t old  # the same if it lives
    cdef uint64_t beside  # the same if the new one takes its places in lists
    cdef dict kept  # values of that one
    cdef bint is_new  # whether readers see a record more


def put(
    table, namespace, bytes key, bytes body, tuple order, values, found, old, beside,
    dict kept, uint64_t commit,
):
    """Put a version of a record beside another or at its place, as `Table.put`; return its ref.

    None, and nothing is stored, if more is to be made for it.
    """
    cdef Segments held
    cdef Put made = Put.__new__(Put)
    made.table, made.namespace, made.key, made.body = table, namespace, key, body
    made.created, made.number = order[:2], order[2]
    made.values = list(values)
    made.at = -1
    if found is not None:
        if found[0] is not table.index.current:
            return None  # it has moved
        made.at, made.word, made.previous = found[1], found[2], found[3].ref
    if old is not None:
        made.old = old.ref
    if beside is not None:
        made.beside, made.kept = beside.ref, kept
    held.count = 0
    try:
        return put_in(&held, made, commit) or None
    finally:
        release_after(&held, 0)


cdef uint64_t put_in(Segments *held, Put made, uint64_t commit) except? 0:
    """Put a version; return its ref, 0 if nothing was stored."""
    cdef Place places[LISTS_MAX]
    cdef uint64_t owners[LISTS_MAX]
    cdef Word end
    cdef Head head
    cdef Py_ssize_t chunk, index, number, size
    cdef uint64_t ref, word
    cdef uint32_t digest
    cdef Py_ssize_t mutable_count = made.table.mutable_count
    space = made.table.space
    entries = made.table.index
    active = space._active
    if not active or len(made.values) >= LISTS_MAX:
        return 0
    chunk = hold(held, space.chunks[active])
    index = hold(held, entries.current)
    if made.at >= 0 and words_of(held, index)[made.at] != made.word:
        return 0  # it was changed by what this commit did before
    size = size_of(mutable_count, made.key, made.body)
    if not find_owners(held, owners, made, index, &size) or size > room_in(held, chunk):
        return 0
    scope = made.namespace.scope
    head.scope, head.begin, head.previous = scope, commit, made.previous
    head.created, head.rest = made.created
    head.number = made.number
    order = (*made.created, made.number)
    for number in range(len(made.values) + 1):
        if number and not owners[number]:
            value = made.values[number - 1][1]
            owners[number] = own(held, made.table, chunk, index, value, scope, commit)
        find_place(held, &places[number], made, owners[number], &head, order, number)
    digest = crc32(made.key, scope)
    data = version(places, made.values, mutable_count, &head, made.key, made.body)
    ref = append(held, chunk, space, active, data, mutable_count)
    for number in range(len(made.values) + 1):
        store(held, places[number].named_by.segment, places[number].named_by.at, ref)
        if places[number].older:
            store(held, places[number].names_back.segment, places[number].names_back.at, ref)
    word = <uint64_t>(digest >> FINGERPRINT_SHIFT) << HASH_SHIFT | ref
    if made.at >= 0:
        store(held, index, made.at, word)
    else:
        add(held, index, INDEX_KEYS, 1)
        insert(held, index, digest, word, EMPTY if made.namespace.parent else TOMB)
    if made.old:
        end = word_of(held, space.chunks, made.old, END)
        store(held, end.segment, end.at, commit)
    return ref


cdef bint find_owners(
    Segments *held, uint64_t *owners, Put made, Py_ssize_t index, Py_ssize_t *size
) except -1:
    """Find what owns each list; 0 is what is to be made, and its bytes are added to a size.

    Return whether that can be known here: not while an index grows.
    """
    cdef Entry entry
    cdef Py_ssize_t number, held_before = held.count
    cdef dict known = made.table.owners
    cdef object scope = VALUES | made.namespace.scope
    owners[0] = made.namespace.ref
    for number in range(1, len(made.values) + 1):
        value = made.values[number - 1][1]
        owner = known.get((scope, value))
        if owner is not None:
            owners[number] = owner
        elif made.table.index.previous is not None:
            return False
        elif find_entry(held, index, made.table.space.chunks, scope, value, &entry):
            owners[number] = entry.word & REF_MASK
            know_owner(made.table, scope, value, owners[number])
        else:
            owners[number] = 0
            size[0] += size_of(made.table.mutable_count, value, b"")
        release_after(held, held_before)
    return True


cdef uint64_t own(
    Segments *held, table, Py_ssize_t chunk, Py_ssize_t index, bytes value, scope, uint64_t commit
) except 0:
    """Make the version that owns the list of a value: `Table._owner`."""
    cdef Head head
    cdef uint64_t ref
    cdef uint32_t digest
    scope = VALUES | scope
    memset(&head, 0, sizeof(head))
    head.scope, head.begin = scope, commit
    data = version(NULL, None, table.mutable_count, &head, value, b"")
    ref = append(held, chunk, table.space, table.space._active, data, table.mutable_count)
    digest = crc32(value, scope)
    add(held, index, INDEX_KEYS, 1)
    insert(held, index, digest, <uint64_t>(digest >> FINGERPRINT_SHIFT) << HASH_SHIFT | ref, TOMB)
    know_owner(table, scope, value, ref)
    return ref


cdef int know_owner(table, scope, bytes value, ref) except -1:
    """Remember an owner: one of `OWNERS_KNOWN`, as `Table._owner` does."""
    table.know_owner(scope, value, ref)
    return 0


cdef int find_place(
    Segments *held, Place *place, Put made, uint64_t owner, Head *head, tuple order,
    Py_ssize_t number,
) except -1:
    """Find where a version goes in one of its lists."""
    cdef dict chunks = made.table.space.chunks
    index, value = made.values[number - 1] if number else (0, b"")
    if made.beside and (number == 0 or made.kept.get(index) == value):
        return find_beside(held, place, chunks, owner, made.beside, index)
    if not find_front(held, place, chunks, owner, head, index):
        name = (made.namespace.scope, index, value)
        newer, older = made.table.lists.place(name, made.table.first_of(owner), order)
        find_between(held, place, chunks, owner, newer, older, index)
    return 0


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


cdef Py_ssize_t size_of(Py_ssize_t mutable_count, bytes key, bytes body):
    """Return the bytes that a version takes in its chunk."""
    cdef Py_ssize_t size = WORD * mutable_count + WORD + HEAD_SIZE + len(key) + len(body)
    return (size + ALIGNMENT - 1) & -ALIGNMENT


cdef bytes version(
    Place *places, list values, Py_ssize_t mutable_count, const Head *head, bytes key, bytes body
):
    """Return the bytes of a version, as `Table._append` makes them; without places in no list."""
    cdef Py_ssize_t content_at = WORD * mutable_count + WORD
    cdef Py_ssize_t content_size = HEAD_SIZE + len(key) + len(body)
    cdef Py_ssize_t size = size_of(mutable_count, key, body)
    cdef Py_ssize_t number, index
    cdef uint64_t *words
    cdef char *content
    data = PyBytes_FromStringAndSize(NULL, size)
    words = <uint64_t *>PyBytes_AS_STRING(data)
    memset(words, 0, size)
    for number in range(len(values) + 1 if places != NULL else 0):
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


cdef Py_ssize_t room_in(Segments *held, Py_ssize_t chunk) noexcept:
    """Return the bytes that can be appended to a chunk; 0 where it says what cannot be."""
    cdef uint64_t used = words_of(held, chunk)[STATE]
    cdef uint64_t size = held.views[chunk].len
    return 0 if used < HEADER_SIZE or used % ALIGNMENT or used > size else size - used


cdef uint64_t append(
    Segments *held, Py_ssize_t chunk, space, active, bytes data, uint64_t mutable_count
) except 0:
    """Append a version to the chunk that is being filled, where there is room: `Space.append`."""
    cdef uint64_t used = words_of(held, chunk)[STATE]
    if room_in(held, chunk) < <Py_ssize_t>len(data):
        raise IndexError(f"chunk {active} without room")
    if are_watched:
        (<object>held.segments[chunk]).write(used, data)
    else:
        memcpy(<char *>held.views[chunk].buf + used, PyBytes_AS_STRING(data), len(data))
    store(held, chunk, STATE, used + len(data))
    fence()  # before anything refers to it
    space.needed[active] += len(data)
    return <uint64_t>active << REF_OFFSET_BITS | (used + mutable_count * WORD) // <uint64_t>ALIGNMENT


# --- Requests that do little: Writer.do -----------------------------------------------------------

cdef enum:
    RECORDS_FEW = 16  # in one request

cdef object PUT = protocol.PUT
cdef object CREATE = protocol.CREATE
cdef object PUT_MANY = protocol.PUT_MANY
cdef object EXPECT = protocol.EXPECT
cdef object FORK = protocol.FORK
cdef object CLEAR_NAMESPACE = protocol.CLEAR_NAMESPACE
cdef uint64_t SCOPES_MOST = layout.SCOPES.most
cdef object NAMESPACES = layout.NAMESPACES
cdef Py_ssize_t NAMESPACES_FIRST = layout.TABLE_NAMESPACES
cdef Py_ssize_t LAST_NAMESPACE = layout.TABLE_LAST_NAMESPACE
cdef uint64_t CLEARED = layout.CLEARED
cdef uint64_t FORKED = layout.FORKED
cdef uint64_t COMMITS_MOST = layout.COMMITS.most
cdef uint64_t RECORDS_MOST = layout.RECORDS.most
cdef Py_ssize_t TABLES_AT = layout.TABLES_AT
cdef Py_ssize_t TABLE_WORDS = layout.TABLE_WORDS
cdef Py_ssize_t LAST_NUMBER = layout.TABLE_LAST_NUMBER
cdef Py_ssize_t COMMIT = layout.COMMIT
cdef Py_ssize_t CHANGES = layout.CHANGES
cdef uint64_t CREATED = layout.CREATED
cdef uint64_t UPDATED = layout.UPDATED
cdef Py_ssize_t CLIENTS_AT = layout.CLIENTS_AT
cdef Py_ssize_t CLIENT_WORDS = layout.CLIENT_WORDS
cdef Py_ssize_t CLIENT_ANSWER = layout.CLIENT_ANSWER
cdef Py_ssize_t CLIENT_COMMIT = layout.CLIENT_COMMIT
cdef Py_ssize_t CLIENT_REF = layout.CLIENT_REF
cdef int CLIENT_STATUS_BITS = layout.CLIENT_STATUS_BITS
cdef uint64_t DONE = protocol.DONE
cdef Py_ssize_t COUNT_A = layout.COUNT_A
cdef Py_ssize_t COUNT_B = layout.COUNT_B
cdef int COUNT_BITS = layout.COUNT_BITS
cdef int64_t COUNT_MAX = layout.COUNT_MAX


def write(writer, list operations, Py_ssize_t slot, uint64_t request):
    """Plan, apply and answer a request that does little, as `Writer.do`, up to the commit.

    Return the places that were written to, as `Plan.places`. None, and nothing is stored, for all
    else, and for what is to be refused.
    """
    cdef dict puts = {}
    cdef list tables = None
    try:
        name = operations[0][0]
        if name == FORK or name == CLEAR_NAMESPACE:
            if len(operations) > 1 or len(<list?>operations[0]) != 3:
                return None
            _, parent, space = operations[0]
            if name == FORK:
                tables = forked(writer, parent, space)
            else:
                tables = cleared(writer, parent, space)
            if tables is None:
                return None
        elif not plan(writer, operations, puts) or not has_room(writer, puts):
            return None
    except Exception:  # which comes again, in words
        return None
    if name == FORK:
        return fork(writer, tables, parent, space, slot, request)
    if name == CLEAR_NAMESPACE:
        return clear(writer, tables, space, slot, request)
    last = operations[len(operations) - 1][0]
    apply(writer, puts, slot, request, last == PUT or last == CREATE)
    return list(puts)


cdef bint plan(writer, list operations, dict puts) except -1:
    """Add what operations put, by its place; return whether all of it is common."""
    cdef dict tables = writer.tables
    cdef list operation
    cdef Py_ssize_t size
    for each in operations:
        if type(each) is not list:
            return False
        operation = each
        size = len(operation)
        if size < 4 or type(operation[1]) is not int or type(operation[2]) is not str:
            return False
        name, number, space, content = operation[:4]
        table = tables.get(number)
        if table is None or not is_common(table) or space in writer.forks:
            return False
        namespace = table.namespaces.get(space)
        if namespace is None and plain_name(space) is None:
            return False
        if name == PUT and size <= 5 or name == CREATE and size == 4:
            version = operation[4] if size == 5 else None
            if not plan_put(writer, puts, table, space, content, name == CREATE, version):
                return False
        elif name == PUT_MANY and size == 4 and type(content) is list:
            if len(<list>content) > RECORDS_FEW:
                return False
            for body in <list>content:
                if not plan_put(writer, puts, table, space, body, False, None):
                    return False
        elif name == EXPECT and size == 5:
            if not is_as_expected(table, namespace, content, operation[4]):
                return False
        else:
            return False
    return 0 < len(puts) <= RECORDS_FEW


cdef bint is_common(table) except -1:
    """Tell whether a table has segments, is one of the users', and has an index that stays."""
    return (
        table.number != 0 and table.index.current is not None and table.index.previous is None
    )


cdef bint plan_put(
    writer, dict puts, table, str space, body, bint is_create, if_version
) except -1:
    """Add a record that is to be put; return whether that is common."""
    cdef Put made = Put.__new__(Put)
    cdef Before before
    if type(body) is not bytes or len(<bytes>body) > writer.max_record:
        return False
    found = facts_of(body, table._indexes)
    if found is None:
        return False
    made.table, made.namespace, made.body = table, table.namespaces.get(space), body
    made.key, made.created, made.values = found
    place = (table.number, space, made.key)
    if place in puts or len(made.values) >= LISTS_MAX or not look(made, &before):
        return False
    if before.is_shown and is_create:
        return False
    if if_version is not None and if_version != (before.begin if before.is_shown else None):
        return False
    made.is_new = not before.is_shown
    puts[place] = made
    return True


cdef bint is_as_expected(table, namespace, identity, version) except -1:
    """Tell whether a record is at that version, or not there for None; False if that is unsure."""
    cdef Put made = Put.__new__(Put)
    cdef Before before
    made.table, made.namespace, made.key = table, namespace, plain_name(identity)
    if made.key is None or not look(made, &before):
        return False
    return version == (before.begin if before.is_shown else None)


cdef struct Before:
    # The record that readers see before a request.
    bint is_shown
    uint64_t begin


cdef bint look(Put made, Before *before) except -1:
    """Find what there is of a key and what its put has to know; return whether it is common."""
    cdef Segments held
    cdef Entry entry
    cdef Py_ssize_t index
    cdef dict chunks = made.table.space.chunks
    before.is_shown = False
    made.at = -1
    if made.namespace is None:
        return True
    held.count = 0
    try:
        index = hold(&held, made.table.index.current)
        if find_entry(&held, index, chunks, made.namespace.scope, made.key, &entry):
            made.at, made.word = entry.at, entry.word
            made.previous = entry.word & REF_MASK
            if not entry.word & GONE:
                if not entry.body_size:
                    return False  # it hides what a fork inherits
                made.old = made.previous
                show(&held, made, before, &entry)
                return made.body is None or stay(&held, made, &entry)
        namespace = made.namespace
        while namespace.parent:
            namespace = made.table.namespaces[namespace.parent]
            if (
                find_entry(&held, index, chunks, namespace.scope, made.key, &entry)
                and not entry.word & GONE
            ):
                if entry.body_size:
                    show(&held, made, before, &entry)
                return True
        return True
    finally:
        release_after(&held, 0)


cdef int show(Segments *held, Put made, Before *before, Entry *entry) except -1:
    """Note what readers see before, whose number a put keeps."""
    before.is_shown = True
    before.begin = head_of(held, entry).begin
    made.number = head_of(held, entry).number
    return 0


cdef bint stay(Segments *held, Put made, Entry *entry) except -1:
    """Let a version stand beside the one that it replaces, if that is where its order says.

    Return whether it is known in which lists that one is.
    """
    cdef const Head *head = head_of(held, entry)
    cdef const char *body
    cdef double created
    cdef int32_t rest
    created, rest = made.created
    if head.created != created or head.rest != rest:
        return True
    made.beside = made.old
    made.kept = {}
    if made.table._indexes:
        body = <const char *>head + HEAD_SIZE + entry.key_size
        found = facts_of(
            PyBytes_FromStringAndSize(body, entry.body_size), made.table._indexes
        )
        if found is None:
            return False
        made.kept = dict(found[2])
    return True


cdef bint has_room(writer, dict puts) except -1:
    """Tell whether there is room for all that is put, by the rough count of `Table.reserve`."""
    cdef Segments held
    cdef Put made
    cdef PyObject *tables[RECORDS_FEW]
    cdef uint64_t most[RECORDS_FEW]  # bytes of keys, bodies, values
    cdef uint64_t count[RECORDS_FEW]  # versions
    cdef Py_ssize_t number, known = 0
    for made in puts.values():
        for number in range(known + 1):
            if number == known:
                tables[known] = <PyObject *>made.table
                most[known] = count[known] = 0
                known += 1
                break
            if tables[number] == <PyObject *>made.table:
                break
        most[number] += len(made.key) + len(made.body)
        count[number] += 1 + len(made.values)
        for _, value in made.values:
            most[number] += len(<bytes>value)
        if made.namespace is None:
            most[number] += KEY_MAX
            count[number] += 1
        elif made.namespace.records + RECORDS_FEW > RECORDS_MOST:
            return False
    held.count = 0
    try:
        hold(&held, writer.control)
        if words_of(&held, 0)[COMMIT] >= COMMITS_MOST:
            return False
        for number in range(known):
            if not has_room_for(&held, <object>tables[number], most[number], count[number]):
                return False
        return True
    finally:
        release_after(&held, 0)


cdef bint has_room_for(Segments *held, table, uint64_t most, uint64_t count) except -1:
    """Tell whether so many versions and bytes can be added to a table as it is."""
    cdef Py_ssize_t chunk, index
    if not table.space._active:
        return False
    chunk = hold(held, table.space.chunks[table.space._active])
    index = hold(held, table.index.current)
    cdef uint64_t slots = held.views[index].len // WORD - SLOTS_AT
    fits = (
        most + count * <uint64_t>table._overhead <= <uint64_t>room_in(held, chunk)
        and 2 * (words_of(held, index)[INDEX_USED] + count) <= slots
        and words_of(held, 0)[entry_at(table, LAST_NUMBER)] >> 63 == 0
        and words_of(held, 0)[entry_at(table, LAST_NAMESPACE)] + RECORDS_FEW <= SCOPES_MOST
    )
    release_after(held, 1)
    return fits


cdef Py_ssize_t entry_at(table, Py_ssize_t word) except -1:
    """Return where a word of a table's entry is in the control segment: `layout.entry_at`."""
    return TABLES_AT + <Py_ssize_t>table.number * TABLE_WORDS + word


cdef uint64_t next_of(Segments *held, table, Py_ssize_t word) except 0:
    """Return the next number of a kind: `Table._next`."""
    cdef Py_ssize_t at = entry_at(table, word)
    cdef uint64_t number = words_of(held, 0)[at] + 1
    store(held, 0, at, number)
    return number


cdef int apply(writer, dict puts, Py_ssize_t slot, uint64_t request, bint answers) except -1:
    """Make what was planned, and answer: `Writer._store`."""
    cdef Segments held
    cdef Put made
    cdef PyObject *spaces[RECORDS_FEW]
    cdef PyObject *tables[RECORDS_FEW]
    cdef int64_t changes[RECORDS_FEW]
    cdef Py_ssize_t number, known = 0
    cdef uint64_t commit, ref = 0, named = 0
    held.count = 0
    try:
        hold(&held, writer.control)
        commit = words_of(&held, 0)[COMMIT] + 1
        for place, made in puts.items():
            ref = put_next(&held, writer, made, place[1], commit)
            named = <uint64_t>made.table.number << 48 | ref
            tell(&held, (UPDATED if not made.is_new else CREATED) << 56 | named, commit)
            for number in range(known + 1):
                if number == known:
                    spaces[known] = <PyObject *>made.namespace
                    tables[known] = <PyObject *>made.table
                    changes[known] = 0
                    known += 1
                    break
                if spaces[number] == <PyObject *>made.namespace:
                    break
            changes[number] += made.is_new
            release_after(&held, 1)
        for number in range(known):
            count(&held, <object>tables[number], <object>spaces[number], changes[number], commit)
            writer.cleaner.touched(<object>tables[number])
            release_after(&held, 1)
        answer(&held, slot, request, commit, named if answers else 0)
    finally:
        release_after(&held, 0)
    return 0


cdef uint64_t put_next(
    Segments *held, writer, Put made, str space, uint64_t commit
) except 0:
    """Put a version, and say before what it ends: `Writer._apply_effect`."""
    if made.old:
        writer.cleaner.ended(commit, made.table, made.old)
    if made.namespace is None:
        made.namespace = made.table.namespaces.get(space)  # one before it may have begun it
        if made.namespace is None:
            begin(held, made.table, space, None, commit)
            made.namespace = made.table.namespaces[space]
    if not made.number:
        made.number = next_of(held, made.table, LAST_NUMBER)
    ref = put_in(held, made, commit)
    if not ref:
        raise IndexError("no room where there was some")
    return ref


cdef uint64_t begin(Segments *held, table, str name, parent, uint64_t commit) except 0:
    """Begin a namespace, which a parent gives what it holds: `Table._begin`."""
    cdef Entry found
    cdef Head head
    cdef Place place
    cdef Py_ssize_t chunk, index
    cdef bint is_known
    cdef uint64_t ref, word
    cdef uint32_t digest
    cdef bytes key = name.encode()
    space = table.space
    active = space._active
    chunk = hold(held, space.chunks[active])
    index = hold(held, table.index.current)
    is_known = find_entry(held, index, space.chunks, NAMESPACES, key, &found)
    memset(&head, 0, sizeof(head))
    head.begin = commit
    head.number = next_of(held, table, LAST_NAMESPACE)
    head.previous = found.word & REF_MASK if is_known else 0
    place.named_by.segment, place.named_by.at = 0, entry_at(table, NAMESPACES_FIRST)
    place.newer, place.older = 0, words_of(held, 0)[place.named_by.at]
    body = parent.name.encode() if parent is not None else b""
    records = parent.records if parent is not None else 0
    data = version(&place, [], table.mutable_count, &head, key, body)
    (<uint64_t *>PyBytes_AS_STRING(data))[<Py_ssize_t>table.mutable_count + COUNT_A] = (
        commit << COUNT_BITS | <uint64_t>records
    )
    ref = append(held, chunk, space, active, data, table.mutable_count)
    store(held, 0, place.named_by.at, ref)
    if place.older:
        place.names_back = word_of(held, space.chunks, place.older, NEWER)
        store(held, place.names_back.segment, place.names_back.at, ref)
    digest = crc32(key, NAMESPACES)
    word = <uint64_t>(digest >> FINGERPRINT_SHIFT) << HASH_SHIFT | ref
    if is_known:
        store(held, index, found.at, word)
    else:
        add(held, index, INDEX_KEYS, 1)
        insert(held, index, digest, word, TOMB)
    table.know(name, ref, head.number, parent, commit)
    return ref


cdef int tell(Segments *held, uint64_t change, uint64_t commit) except -1:
    """Add a change to the ring that watchers read: `Writer._tell`."""
    cdef uint64_t number = words_of(held, 0)[CHANGES]
    cdef Py_ssize_t at = layout.ring_at(number)
    fence()  # whoever sees what overwrites an old entry sees how far the ring is
    store(held, 0, at, commit)
    store(held, 0, at + 1, change)
    fence()  # and whoever sees how far it is sees the entry
    return store(held, 0, CHANGES, number + 1)


cdef int count(Segments *held, table, namespace, int64_t change, uint64_t commit) except -1:
    """Store the number of a namespace's records: `Table.count`."""
    cdef int64_t records = <int64_t>namespace.records + change
    cdef Word word
    if namespace.counted != commit:
        namespace.counted = commit
        namespace.count_at = COUNT_A + COUNT_B - <Py_ssize_t>namespace.count_at
    records = min(max(records, 0), COUNT_MAX)
    namespace.records = records
    word = word_of(held, table.space.chunks, namespace.ref, namespace.count_at)
    return store(held, word.segment, word.at, commit << COUNT_BITS | <uint64_t>records)


cdef int answer(
    Segments *held, Py_ssize_t slot, uint64_t request, uint64_t commit, uint64_t ref
) except -1:
    """Store a client's answer; its number comes last and makes it valid: `Writer.answer`."""
    cdef Py_ssize_t at = CLIENTS_AT + slot * CLIENT_WORDS
    store(held, 0, at + CLIENT_REF, ref)
    store(held, 0, at + CLIENT_COMMIT, commit)
    fence()
    return store(held, 0, at + CLIENT_ANSWER, request << CLIENT_STATUS_BITS | DONE)


# --- Forks and clears: operations.fork, operations.clear_namespace ---------------------------------

cdef list forked(writer, parent, child):
    """Return the tables in which a fork begins; None if that is not common, or refused."""
    cdef Segments held
    cdef list tables = []
    if type(parent) is not str or plain_name(child) is None:
        return None
    for table in writer.in_use():
        if child in table.namespaces:
            return None
        if parent in table.namespaces:
            tables.append(table)
    held.count = 0
    try:
        hold(&held, writer.control)
        for table in tables:
            if not is_common(table) or not has_room_for(&held, table, 2 * KEY_MAX, 1):
                return None
        return tables if tables and words_of(&held, 0)[COMMIT] < COMMITS_MOST else None
    finally:
        release_after(&held, 0)


cdef list cleared(writer, number, name):
    """Return the tables in which a namespace ends; None if that is not common, or refused."""
    if number is not None or type(name) is not str or name in writer.forks:
        return None
    if writer.commit >= COMMITS_MOST:
        return None
    tables = [table for table in writer.in_use() if name in table.namespaces]
    for table in tables:
        if not is_common(table):
            return None
    return tables or None


cdef list fork(
    writer, list tables, str parent, str child, Py_ssize_t slot, uint64_t request
):
    """Begin a fork in tables, and answer; return its places."""
    cdef Segments held
    cdef uint64_t commit, ref
    held.count = 0
    try:
        hold(&held, writer.control)
        commit = words_of(&held, 0)[COMMIT] + 1
        for table in tables:
            ref = begin(&held, table, child, table.namespaces[parent], commit)
            tell(&held, FORKED << 56 | <uint64_t>table.number << 48 | ref, commit)
            writer.cleaner.touched(table)
            release_after(&held, 1)
        answer(&held, slot, request, commit, 0)
    finally:
        release_after(&held, 0)
    return [(table.number, child, None) for table in tables]


cdef list clear(writer, list tables, str name, Py_ssize_t slot, uint64_t request):
    """End a namespace in tables, and answer; return its places."""
    cdef Segments held
    cdef Entry found
    cdef Word end
    cdef Py_ssize_t index
    cdef uint64_t commit, ref
    cdef bytes key = name.encode()
    held.count = 0
    try:
        hold(&held, writer.control)
        commit = words_of(&held, 0)[COMMIT] + 1
        for table in tables:
            ref = table.namespaces[name].ref
            writer.cleaner.ended(commit, table, ref)
            index = hold(&held, table.index.current)
            if (
                not find_entry(&held, index, table.space.chunks, NAMESPACES, key, &found)
                or found.word & REF_MASK != ref
            ):
                raise IndexError(f"namespace {name!r} is not in its index")
            store(&held, index, found.at, found.word | GONE)
            end = word_of(&held, table.space.chunks, ref, END)
            store(&held, end.segment, end.at, commit)
            table.forget(name)
            tell(&held, CLEARED << 56 | <uint64_t>table.number << 48 | ref, commit)
            release_after(&held, 1)
        writer.cleared(commit)
        answer(&held, slot, request, commit, 0)
    finally:
        release_after(&held, 0)
    return [(table.number, name, None) for table in tables]
