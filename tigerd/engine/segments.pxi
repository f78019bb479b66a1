# Segments, and the index: Index._insert, Index.move.

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
    PyObject *segments[OPEN_MAX]  # held by the caller
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
