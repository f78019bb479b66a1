# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What a process does most often, compiled: an optional part, and never another answer.

Each function does the common case of one that is written in Python and says which. What is not
common, and all that is wrong, it leaves to that one, by returning None. `tiger.format.speedups`
chooses; tests compare the two.

Every load of shared memory is one atomic load with acquire order, so none is made before those
that come before it, on any machine.
"""

from cython cimport always_allow_keywords, no_gc
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from cpython.dict cimport PyDict_Copy, PyDict_Next, PyDict_SetItem, PyDict_Size
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE, PyList_GetSlice, PyList_SetItem
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy

cdef extern from "<string.h>":
    void *memmem(const void *, size_t, const void *, size_t) nogil

from sys import getsizeof
from zlib import crc32

from msgpack import unpackb

from tiger.format import layout

cdef extern from *:
    """
    #ifndef SOURCE_DIGEST
    #define SOURCE_DIGEST ""
    #endif
    """
    const char *SOURCE_DIGEST

DIGEST = SOURCE_DIGEST.decode()
"""Of the sources that this was made of: `tiger.format.sources.digest_of`."""

cdef extern from *:
    """
    #define LOAD(at) __atomic_load_n((at), __ATOMIC_ACQUIRE)
    #define PREFETCH(at) __builtin_prefetch((at), 1)
    #define CONTENT(dict) ((PyDictObject *)(dict))->ma_keys
    #define CONTENT_SIZE(dict) (48 + 2 * sizeof(void *) * ((PyDictObject *)(dict))->ma_used)
    #define IS_ASCII(text) PyUnicode_IS_COMPACT_ASCII(text)
    #define ASCII_SIZE(text) (sizeof(PyASCIIObject) + PyUnicode_GET_LENGTH(text) + 1)
    """
    uint64_t LOAD(const uint64_t *) nogil
    void PREFETCH(const void *) nogil
    void *CONTENT(object)
    Py_ssize_t CONTENT_SIZE(object)
    bint IS_ASCII(object)
    Py_ssize_t ASCII_SIZE(object)

cdef enum:
    CACHE_LINE = 64
    AHEAD = 8

cdef extern from "Python.h":
    PyObject *PyDict_GetItemWithError(object, object) except? NULL
    const char *PyUnicode_AsUTF8AndSize(object, Py_ssize_t *) except NULL
    long long PyLong_AsLongLongAndOverflow(object, int *) except? -1
    str PyUnicode_New(Py_ssize_t, Py_UCS4)
    void *PyUnicode_DATA(object)

cdef int DEPTH_MAX = 64  # record.DEPTH_MAX, which imports this
cdef int KEY_MAX = layout.KEY_MAX


# --- Maps: memory._map ----------------------------------------------------------------------------

cdef extern from "<sys/mman.h>":
    void *mmap(void *, size_t, int, int, int, long)
    int PROT_READ, MAP_SHARED, MAP_FIXED
    void *MAP_FAILED


def put_in_place(mapped, int descriptor):
    """Let a map of no file be one of a file, to be read, of the same size; `OSError` if not."""
    cdef Py_buffer view
    cdef void *made
    PyObject_GetBuffer(mapped, &view, PyBUF_SIMPLE)
    try:
        made = mmap(view.buf, view.len, PROT_READ, MAP_SHARED | MAP_FIXED, descriptor, 0)
        if made == MAP_FAILED:
            PyErr_SetFromErrno(OSError)
    finally:
        PyBuffer_Release(&view)


# --- Sleeping on a word: slot.Slot, tigerd.service.server -----------------------------------------

cdef extern from *:
    """
    #ifdef __linux__
    #include <linux/futex.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    #define HAS_FUTEX 1
    #define LOW_HALF(word) \
        ((uint32_t *)(word) + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
    static void sleep_while(const uint64_t *word, uint64_t value, double seconds) {
        long ns = seconds < 1 ? (long)(1e9 * seconds) : 999999999;
        struct timespec left = {0, ns};
        syscall(SYS_futex, LOW_HALF(word), FUTEX_WAIT, (uint32_t)value, &left, NULL, 0);
    }
    static void wake_from(const uint64_t *word) {
        syscall(SYS_futex, LOW_HALF(word), FUTEX_WAKE, 1, NULL, NULL, 0);
    }
    #else
    #define HAS_FUTEX 0
    #define sleep_while(word, value, seconds)
    #define wake_from(word)
    #endif
    """
    bint HAS_FUTEX
    void sleep_while(const uint64_t *, uint64_t, double) nogil
    void wake_from(const uint64_t *) nogil


def sleep_on(words, Py_ssize_t at, uint64_t value, double seconds):
    """Sleep until woken by `wake`, but not if the word is another, and not longer than so long.

    It may end sooner, as by a signal; it does after a second. The kernel compares the lower half
    of the word, and counts the time by its monotonic clock.
    """
    cdef Py_buffer view
    PyObject_GetBuffer(words, &view, PyBUF_SIMPLE)
    try:
        with nogil:
            sleep_while(<uint64_t *>view.buf + at, value, seconds)
    finally:
        PyBuffer_Release(&view)


def wake(words, Py_ssize_t at):
    """Wake who sleeps on a word, in whatever process."""
    cdef Py_buffer view
    PyObject_GetBuffer(words, &view, PyBUF_SIMPLE)
    wake_from(<uint64_t *>view.buf + at)
    PyBuffer_Release(&view)


if not HAS_FUTEX:  # as where nothing is compiled
    del sleep_on, wake


# --- Encoding: record.encode ----------------------------------------------------------------------

cdef struct Packed:
    uint8_t *data
    Py_ssize_t size
    Py_ssize_t room


def pack_record(record, Py_ssize_t max_record):
    """Return id and msgpack of a record, as `record.encode`; None if that is to look at it."""
    cdef Packed packed
    cdef uint8_t first[2048]
    cdef bint is_common
    if type(record) is not dict:
        return None
    identity = (<dict>record).get("id")
    if type(identity) is not str or not is_plain_name(identity):
        return None
    packed.data, packed.size, packed.room = first, 0, sizeof(first)
    try:
        is_common = pack(&packed, record, first, 0)
        if is_common and packed.size <= max_record:
            return identity, PyBytes_FromStringAndSize(<char *>packed.data, packed.size)
    except UnicodeEncodeError:
        pass
    finally:
        if packed.data != first:
            free(packed.data)
    return None


cdef bint is_plain_name(str name) except -1:
    """Whether an id has 1 to 255 letters of ASCII, none of them a control character."""
    cdef Py_ssize_t size, at
    cdef Py_UCS4 letter
    size = len(name)
    if not 0 < size <= KEY_MAX:
        return False
    for letter in name:
        if not 0x20 <= letter < 0x7F:
            return False
    return True


cdef int grow(Packed *packed, Py_ssize_t more, uint8_t *first) except -1:
    cdef Py_ssize_t room = 2 * (packed.size + more)
    cdef uint8_t *data = <uint8_t *>realloc(NULL if packed.data == first else packed.data, room)
    if data == NULL:
        raise MemoryError
    if packed.data == first:
        memcpy(data, first, packed.size)
    packed.data, packed.room = data, room
    return 0


cdef inline void put_head(Packed *packed, uint8_t kind, uint64_t value, int width) noexcept:
    """Append a byte that says what follows, and a number of so many bytes, the greatest first."""
    packed.data[packed.size] = kind
    packed.size += 1
    while width:
        width -= 1
        packed.data[packed.size] = <uint8_t>(value >> 8 * width)
        packed.size += 1


cdef inline void put_size(Packed *packed, Py_ssize_t size, uint8_t few, uint8_t many) noexcept:
    """Append how many items a container has, in the first byte if they are few."""
    if size < 16:
        put_head(packed, few | <uint8_t>size, 0, 0)
    elif size < 1 << 16:
        put_head(packed, many, size, 2)
    else:
        put_head(packed, many + 1, size, 4)


cdef bint pack(Packed *packed, object value, uint8_t *first, int depth) except -1:
    """Append a value; return whether all in it is common."""
    cdef Py_ssize_t size, place = 0
    cdef const char *text
    cdef long long number
    cdef int overflow
    cdef double fraction
    cdef uint64_t bits
    cdef PyObject *key
    cdef PyObject *item
    if packed.room - packed.size < 16:
        grow(packed, 16, first)
    kind = type(value)
    if kind is str:
        text = PyUnicode_AsUTF8AndSize(value, &size)
        if packed.room - packed.size < size + 16:
            grow(packed, size + 16, first)
        if size < 32:
            put_head(packed, 0xA0 | <uint8_t>size, 0, 0)
        elif size < 1 << 8:
            put_head(packed, 0xD9, size, 1)
        elif size < 1 << 16:
            put_head(packed, 0xDA, size, 2)
        else:
            put_head(packed, 0xDB, size, 4)
        memcpy(packed.data + packed.size, text, size)
        packed.size += size
    elif value is None:
        put_head(packed, 0xC0, 0, 0)
    elif kind is bool:
        put_head(packed, 0xC3 if value is True else 0xC2, 0, 0)
    elif kind is int:
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow:
            return False
        pack_int(packed, number)
    elif kind is dict:
        if depth == DEPTH_MAX:
            return False
        size = PyDict_Size(value)
        put_size(packed, size, 0x80, 0xDE)
        while PyDict_Next(value, &place, &key, &item):
            if type(<object>key) is not str or not pack(packed, <object>key, first, depth):
                return False
            if not pack(packed, <object>item, first, depth + 1):
                return False
    elif kind is list:
        if depth == DEPTH_MAX:
            return False
        size = PyList_GET_SIZE(value)
        put_size(packed, size, 0x90, 0xDC)
        for place in range(size):
            if not pack(packed, <object>PyList_GET_ITEM(value, place), first, depth + 1):
                return False
    elif kind is float:
        fraction = value
        if fraction - fraction != 0.0:  # an infinity, or not a number
            return False
        memcpy(&bits, &fraction, sizeof(bits))
        put_head(packed, 0xCB, bits, 8)
    else:
        return False
    return True


cdef void pack_int(Packed *packed, long long number) noexcept:
    """Append a number as short as it can be."""
    if -(1 << 5) <= number < 1 << 7:
        put_head(packed, <uint8_t>number, 0, 0)
    elif number < 0:
        if number >= -(1 << 7):
            put_head(packed, 0xD0, number, 1)
        elif number >= -(1 << 15):
            put_head(packed, 0xD1, number, 2)
        elif number >= -(<long long>1 << 31):
            put_head(packed, 0xD2, number, 4)
        else:
            put_head(packed, 0xD3, number, 8)
    elif number < 1 << 8:
        put_head(packed, 0xCC, number, 1)
    elif number < 1 << 16:
        put_head(packed, 0xCD, number, 2)
    elif number < <long long>1 << 32:
        put_head(packed, 0xCE, number, 4)
    else:
        put_head(packed, 0xCF, number, 8)


# --- Decoding: record.decode ----------------------------------------------------------------------

include "value.pxi"

cdef enum:
    SEEN = 1024  # texts that are not made again; a power of two
    SHORT = 40  # bytes of a text that may be one of a few

cdef list names_seen = [None] * SEEN
cdef list texts_seen = [None] * SEEN


def decode(bytes body):
    """Return a stored record as a fresh dict, as `msgpack.unpackb`."""
    cdef const uint8_t *at = <const uint8_t *>PyBytes_AS_STRING(body)
    cdef const uint8_t *end = at + PyBytes_GET_SIZE(body)
    try:
        record = build(&at, end, 0)
    except UnicodeDecodeError:
        record = NotImplemented
    return unpackb(body) if record is NotImplemented or at != end else record


cdef object build(const uint8_t **at, const uint8_t *end, int depth):
    """Return the value there, and let `at` be where the next begins; NotImplemented if uncommon."""
    cdef Value value
    cdef Py_ssize_t left
    at[0] = read(at[0], end, &value)
    left = value.size
    if value.kind == TEXT:
        return text_of(&value, texts_seen)
    if value.kind == CONSTANT:
        return None if value.start[0] == 0xC0 else value.start[0] == 0xC3
    if value.kind == INTEGER:
        return value.integer
    if value.kind == FRACTION:
        return value.fraction
    if value.kind == MAP and depth < DEPTH_MAX:
        made = {}
        for left in range(left, 0, -1):
            at[0] = read(at[0], end, &value)
            if value.kind != TEXT:
                return NotImplemented
            key = text_of(&value, names_seen)
            item = build(at, end, depth + 1)
            if item is NotImplemented:
                return item
            PyDict_SetItem(made, key, item)
        return made
    if value.kind == ARRAY and depth < DEPTH_MAX:
        items = []
        for left in range(left, 0, -1):
            item = build(at, end, depth + 1)
            if item is NotImplemented:
                return item
            items.append(item)
        return items
    return NotImplemented


cdef str text_of(Value *value, list seen):
    """Return a text; a short one that was seen before, in records of its kind, is not made anew."""
    cdef const char *known
    cdef Py_ssize_t size, at
    cdef uint32_t digest = <uint32_t>value.size
    if value.size > SHORT:
        return new_text(value)
    for at in range(value.size):
        digest = digest * 31 + value.text[at]
    found = seen[digest & (SEEN - 1)]
    if found is not None:
        known = PyUnicode_AsUTF8AndSize(found, &size)
        if size == value.size and not memcmp(known, value.text, size):
            return found
    found = new_text(value)
    seen[digest & (SEEN - 1)] = found
    return found


cdef str new_text(Value *value):
    if not is_ascii(value.text, value.size):
        return PyUnicode_DecodeUTF8(<const char *>value.text, value.size, "strict")
    text = PyUnicode_New(value.size, 127)
    memcpy(PyUnicode_DATA(text), value.text, value.size)
    return text


# --- Looking a remembered record up: cache.Kept, cache._recall_from -------------------------------

cdef extern from *:
    """
    #include <time.h>
    #if defined(CLOCK_MONOTONIC_COARSE)
    #define TIGER_CLOCK CLOCK_MONOTONIC_COARSE
    #elif defined(CLOCK_MONOTONIC_RAW_APPROX)
    #define TIGER_CLOCK CLOCK_MONOTONIC_RAW_APPROX
    #else
    #define TIGER_CLOCK CLOCK_MONOTONIC
    #endif
    static inline double now_s(void)
    {
        struct timespec now;
        clock_gettime(TIGER_CLOCK, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    }
    """
    double now_s() nogil


@no_gc  # what it holds has no cycles: it was decoded
cdef class Kept:
    """A record that is remembered, as `cache.Kept`, in one piece of memory."""

    cdef readonly Py_ssize_t place
    cdef readonly uint64_t entry
    cdef readonly object content
    cdef readonly Py_ssize_t size

    def __init__(self, Py_ssize_t place, uint64_t entry, content, Py_ssize_t size):
        self.place, self.entry, self.content, self.size = place, entry, content, size


cdef class Recall:
    """What is remembered of a namespace, given while the index has the entries it was read with.

    It calls a function now and then, which may raise. The clock is read without a system call; on
    Linux that takes some 5 ns.
    """

    cdef dict younger
    cdef const uint64_t[::1] index
    cdef Py_ssize_t place  # of the namespace, and its entry there
    cdef uint64_t entry
    cdef object look
    cdef double every_s
    cdef double due_s
    cdef bint copies

    def __init__(
        self, dict younger, index, Py_ssize_t place, uint64_t entry, look, double every_s, bint copies
    ):
        self.younger, self.index, self.place, self.entry = younger, index, place, entry
        self.look, self.every_s, self.copies = look, every_s, copies
        if not 0 <= place < self.index.shape[0]:
            raise IndexError(place)
        self.due_s = now_s() + every_s

    @always_allow_keywords(False)  # 10 ns of 40
    def get(self, key):
        """Return what is remembered under a key, or a copy that it makes, or None."""
        cdef PyObject *found
        cdef Kept kept
        if now_s() >= self.due_s:
            self.look()
            self.due_s = now_s() + self.every_s
        if LOAD(&self.index[0] + self.place) != self.entry:
            return None
        found = PyDict_GetItemWithError(self.younger, key)
        if found == NULL:
            return None
        kept = <Kept?><object>found
        if not 0 <= kept.place < self.index.shape[0]:
            raise IndexError(kept.place)
        PREFETCH(<PyObject *>kept.content)  # it is wanted next, and mostly in no fast cache
        if LOAD(&self.index[0] + kept.place) != kept.entry:
            return None
        content = kept.content
        return content() if self.copies else content


# --- Copies: record.copier ------------------------------------------------------------------------

cdef struct Container:
    PyObject *source
    PyObject *key  # of what it is in; NULL in a list
    Py_ssize_t place  # in a list
    Py_ssize_t count  # of the containers right inside, which follow, each with its own
    const char *content  # of a dict: its keys and values, as far as a copy reads them
    const char *content_end
    Py_ssize_t leaves  # where its other values begin and end among those of the record
    Py_ssize_t leaves_end


cdef class Copier:
    """Makes deep copies of a decoded record, which nobody may change.

    Containers and what they hold, of which a copy changes the count of references, are asked for
    some ahead, for where many records are read, most are not in the fast caches. A thousand of
    3 KiB in turn took 3.0 us each where containers were asked for, and 3.4 without (medians, three
    runs); on another day 3.8 where the values were too, and 4.3 without those (six turns).
    """

    cdef dict record
    cdef Container *containers
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef PyObject **leaves
    cdef Py_ssize_t leaf_count
    cdef Py_ssize_t leaf_room

    def __cinit__(self, dict record):
        self.record = record
        self.add(record, NULL, 0)
        self.containers = <Container *>of_size(self.containers, self.count * sizeof(Container))
        self.leaves = <PyObject **>of_size(self.leaves, self.leaf_count * sizeof(PyObject *))

    def __dealloc__(self):
        free(self.containers)
        free(self.leaves)

    def __sizeof__(self):
        return (
            object.__sizeof__(self)
            + self.count * <Py_ssize_t>sizeof(Container)
            + self.leaf_count * <Py_ssize_t>sizeof(PyObject *)
        )

    cdef object add(self, object source, PyObject *key, Py_ssize_t place):
        """Note a container and those inside."""
        cdef Py_ssize_t at = self.count
        cdef Py_ssize_t inside = 0
        cdef PyObject *inner_key
        cdef PyObject *item
        self.containers = <Container *>with_room(
            self.containers, self.count, &self.room, sizeof(Container)
        )
        self.count += 1
        self.containers[at] = Container(<PyObject *>source, key, place, 0, NULL, NULL, 0, 0)
        self.add_leaves(&self.containers[at], source.values() if type(source) is dict else source)
        if type(source) is dict:
            self.containers[at].content = <const char *>CONTENT(source)
            self.containers[at].content_end = <const char *>CONTENT(source) + CONTENT_SIZE(source)
            while PyDict_Next(source, &inside, &inner_key, &item):
                if is_container(<object>item):
                    self.containers[at].count += 1
                    self.add(<object>item, inner_key, 0)
        else:
            for inside in range(PyList_GET_SIZE(source)):
                item = PyList_GET_ITEM(source, inside)
                if is_container(<object>item):
                    self.containers[at].count += 1
                    self.add(<object>item, NULL, inside)

    cdef object add_leaves(self, Container *container, values):
        """Note the values that are no containers, nor shared by all records."""
        container.leaves = self.leaf_count
        for value in values:
            if not is_container(value) and value is not None and type(value) is not bool:
                self.leaves = <PyObject **>with_room(
                    self.leaves, self.leaf_count, &self.leaf_room, sizeof(PyObject *)
                )
                self.leaves[self.leaf_count] = <PyObject *>value
                self.leaf_count += 1
        container.leaves_end = self.leaf_count

    def __call__(self):
        """Return a copy."""
        cdef Container *next = self.containers
        cdef Py_ssize_t at
        for at in range(min(AHEAD, self.count)):
            ask_for(&self.containers[at], self.leaves)
        return copy_next(&next, self.containers + self.count, self.leaves)


cdef void *with_room(void *items, Py_ssize_t count, Py_ssize_t *room, size_t size) except NULL:
    """Return an array, or a larger one in its place, with room for one more."""
    if count < room[0]:
        return items
    items = realloc(items, (2 * room[0] + 8) * size)
    if items == NULL:
        raise MemoryError
    room[0] = 2 * room[0] + 8
    return items


cdef void *of_size(void *items, size_t size) noexcept:
    """Return an array that is not going to grow, with room for nothing more."""
    cdef void *smaller = realloc(items, size) if size else NULL
    return items if smaller == NULL else smaller


cdef void ask_for(Container *container, PyObject **leaves) noexcept:
    cdef const char *line = container.content
    cdef Py_ssize_t leaf
    PREFETCH(container.source)
    while line < container.content_end:
        PREFETCH(line)
        line += CACHE_LINE
    for leaf in range(container.leaves, container.leaves_end):
        PREFETCH(leaves[leaf])


cdef bint is_container(object item):
    return type(item) is dict or type(item) is list


cdef object copy_next(Container **next, Container *end, PyObject **leaves):
    """Return a copy of the next container, and go on to the one after it."""
    cdef Container *this = next[0]
    cdef Container *inner
    next[0] += 1
    if this + AHEAD < end:
        ask_for(this + AHEAD, leaves)
    if this.content != NULL:
        made = PyDict_Copy(<object>this.source)
        for _ in range(this.count):
            inner = next[0]
            PyDict_SetItem(made, <object>inner.key, copy_next(next, end, leaves))
        return made
    other = PyList_GetSlice(<object>this.source, 0, PyList_GET_SIZE(<object>this.source))
    for _ in range(this.count):
        inner = next[0]
        new = copy_next(next, end, leaves)
        Py_INCREF(new)
        PyList_SetItem(other, inner.place, new)
    return other


# --- Sizes: record.size_of ------------------------------------------------------------------------

def size_of(dict record):
    """Return the bytes that a decoded record takes, as `record.size_of`."""
    return bytes_of(record)


cdef Py_ssize_t bytes_of(object value) except -1:
    cdef Py_ssize_t size, place = 0
    cdef PyObject *key
    cdef PyObject *item
    if type(value) is str and IS_ASCII(value):
        return ASCII_SIZE(value)
    size = getsizeof(value)
    if type(value) is dict:
        while PyDict_Next(value, &place, &key, &item):
            size += bytes_of(<object>key) + bytes_of(<object>item)
    elif type(value) is list:
        for place in range(PyList_GET_SIZE(value)):
            size += bytes_of(<object>PyList_GET_ITEM(value, place))
    return size


# --- First reads: TableReader.newest_body ---------------------------------------------------------

cdef int REF_OFFSET_BITS = layout.REF_OFFSET_BITS
cdef uint64_t REF_OFFSET_MASK = layout.REF_OFFSET_MASK
cdef uint64_t REF_MASK = layout.REF_MASK
cdef uint64_t GONE = layout.GONE
cdef uint64_t EMPTY = layout.EMPTY
cdef int HASH_SHIFT = layout.HASH_SHIFT
cdef int FINGERPRINT_SHIFT = layout.FINGERPRINT_SHIFT
cdef Py_ssize_t SLOTS_AT = layout.SLOTS_AT
cdef Py_ssize_t HEAD_SIZE = layout.HEAD.size
cdef Py_ssize_t HEAD_WORDS = layout.ALIGNMENT // layout.WORD
cdef int KEY_SIZE_SHIFT = layout.KEY_SIZE_SHIFT
cdef int BODY_SIZE_SHIFT = layout.BODY_SIZE_SHIFT
cdef uint64_t SUM_MASK = layout.SUM_MASK
cdef object SUM_SEED = layout.SUM_SEED


def newest_body(control, Py_ssize_t directory_at, Py_ssize_t dropped_at, uint64_t dropped,
                dict indexes, dict chunks, scope, bytes key, uint64_t commit):
    """Return index words, place, word and body of a key's newest version; () if there is none.

    As `TableReader.newest_body`; None if that has to do it: a segment is not mapped yet, say.
    """
    cdef Py_buffer view
    cdef const uint64_t *words
    cdef uint64_t directory, word
    cdef Py_ssize_t at
    PyObject_GetBuffer(control, &view, PyBUF_SIMPLE)
    try:
        if view.len <= <Py_ssize_t>sizeof(uint64_t) * max(directory_at, dropped_at):
            return None
        words = <const uint64_t *>view.buf
        directory = LOAD(words + directory_at)
        if LOAD(words + dropped_at) != dropped or directory >> 32:
            return None
        index = indexes.get(directory)
        if index is None:
            return None
        index_words = index.words
        at = place_of(index_words, crc32(key, scope), &word)
        if at < 0:
            return None
        if word == EMPTY:
            return () if LOAD(words + directory_at) == directory else None
    finally:
        PyBuffer_Release(&view)
    chunk = chunks.get((word & REF_MASK) >> REF_OFFSET_BITS)
    if chunk is None:
        return None
    body = body_at(chunk.words, word & REF_OFFSET_MASK, scope, key, commit)
    return None if body is None else (index_words, at, word, body)


cdef Py_ssize_t place_of(object index_words, uint32_t digest, uint64_t *found) except? -2:
    """Return the place of a key of that hash in an index, or of the empty one; -1: unsure."""
    cdef Py_buffer view
    cdef const uint64_t *words
    cdef uint64_t slots, place, last
    cdef uint64_t word
    cdef uint64_t wanted = digest >> FINGERPRINT_SHIFT
    if wanted == 0:  # as marks of no key have
        return -1
    PyObject_GetBuffer(index_words, &view, PyBUF_SIMPLE)
    try:
        words = <const uint64_t *>view.buf + SLOTS_AT
        slots = view.len // sizeof(uint64_t) - SLOTS_AT
        last = digest + slots
        for place in range(digest, last):
            word = LOAD(words + (place & (slots - 1)))
            if word == EMPTY or word >> HASH_SHIFT == wanted:
                found[0] = word
                return -1 if word & GONE else SLOTS_AT + <Py_ssize_t>(place & (slots - 1))
        return -1
    finally:
        PyBuffer_Release(&view)


cdef struct Place:
    # In a list: the greater, the earlier, in this order.
    double created
    int32_t rest
    uint64_t number
    uint64_t begin

cdef struct Version:
    # What a copy of the immutable part says, which it points into.
    uint32_t scope
    Place place
    const char *key
    Py_ssize_t key_size
    Py_ssize_t body_size


cdef bytes body_at(object chunk_words, uint64_t offset, uint64_t scope, bytes key, uint64_t commit):
    """Return the body of the version there; None unless it is whole, of that key, and begun."""
    cdef Py_buffer view
    cdef Version version
    PyObject_GetBuffer(chunk_words, &view, PyBUF_SIMPLE)
    try:
        copy = copy_at(&version, &view, offset)
    finally:
        PyBuffer_Release(&view)
    if (
        copy is None
        or version.scope != scope
        or version.place.begin > commit
        or version.key_size != PyBytes_GET_SIZE(key)
        or memcmp(version.key, PyBytes_AS_STRING(key), version.key_size)
    ):
        return None
    return body_of(&version)


cdef bytes copy_at(Version *version, Py_buffer *view, uint64_t offset):
    """Return a copy of the immutable part of a version, and what it says; None if it is not whole.

    As `tiger.format.version.Version`.
    """
    cdef const uint8_t *head
    cdef const char *data
    cdef uint64_t first
    cdef Py_ssize_t start = offset * HEAD_WORDS * sizeof(uint64_t)
    if start + <Py_ssize_t>sizeof(uint64_t) + HEAD_SIZE > view.len:
        return None
    head = <const uint8_t *>view.buf + start
    first = LOAD(<const uint64_t *>head)
    version.key_size = first >> KEY_SIZE_SHIFT
    version.body_size = first >> BODY_SIZE_SHIFT & 0xFFFFFF
    cdef Py_ssize_t size = HEAD_SIZE + version.key_size + version.body_size
    if start + <Py_ssize_t>sizeof(uint64_t) + size > view.len:
        return None
    copy = PyBytes_FromStringAndSize(<const char *>head + sizeof(uint64_t), size)
    if <uint64_t>crc32(copy, SUM_SEED) != first & SUM_MASK:
        return None
    data = PyBytes_AS_STRING(copy)
    version.key = data + HEAD_SIZE
    memcpy(&version.scope, data, sizeof(uint32_t))
    memcpy(&version.place.rest, data + 4, sizeof(int32_t))  # these are in layout.HEAD
    memcpy(&version.place.begin, data + 8, sizeof(uint64_t))
    memcpy(&version.place.created, data + 24, sizeof(double))
    memcpy(&version.place.number, data + 32, sizeof(uint64_t))
    return copy


cdef bytes body_of(Version *version):
    return PyBytes_FromStringAndSize(version.key + version.key_size, version.body_size)


# --- Lists: TableReader.bodies --------------------------------------------------------------------

cdef Py_ssize_t END = layout.END


def bodies_along(
    dict chunks, uint32_t scope, uint64_t ref, uint64_t commit, Py_ssize_t link, bint is_older,
    Py_ssize_t most, tuple texts, match,
):
    """Return the bodies of a list's versions visible at a commit, from a ref on, so many at most.

    As `TableReader.bodies`; None if that has to do it: a chunk is not mapped yet, say. Bodies that
    lack one of the texts do not match.
    """
    cdef Py_buffer view
    cdef Version version
    cdef Place last
    cdef Py_ssize_t head, count = 0
    cdef const uint64_t *words
    cdef uint64_t end
    found = []
    while ref and len(found) < most:
        chunk = chunks.get(ref >> REF_OFFSET_BITS)
        if chunk is None:
            return None
        PyObject_GetBuffer(chunk.words, &view, PyBUF_SIMPLE)
        try:
            copy = copy_at(&version, &view, ref & REF_OFFSET_MASK)
            head = (ref & REF_OFFSET_MASK) * HEAD_WORDS
            if copy is None or version.scope != scope or head + min(link, END) < 0:
                return None
            words = <const uint64_t *>view.buf + head
            end = LOAD(words + END)
            ref = LOAD(words + link)
        finally:
            PyBuffer_Release(&view)
        if count and not (
            is_before(&last, &version.place) if is_older else is_before(&version.place, &last)
        ):
            return None
        last = version.place
        count += 1
        if version.place.begin <= commit and not 0 < end <= commit and has_all(&version, texts):
            body = body_of(&version)
            if match is None or match(body):
                found.append(body)
    return found


cdef bint has_all(Version *version, tuple texts) except -1:
    """Tell whether a body has all of these bytes in it."""
    cdef const char *body = version.key + version.key_size
    cdef bytes text
    for text in texts:
        if memmem(body, version.body_size, PyBytes_AS_STRING(text), PyBytes_GET_SIZE(text)) == NULL:
            return False
    return True


cdef bint is_before(Place *one, Place *other) noexcept:
    """Whether one comes before another in a list, from the newest on."""
    if one.created != other.created:
        return one.created > other.created
    if one.rest != other.rest:
        return one.rest > other.rest
    if one.number != other.number:
        return one.number > other.number
    return one.begin > other.begin
