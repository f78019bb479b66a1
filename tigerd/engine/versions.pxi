# Versions: WritableTable.put.

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


def put(table, namespace, effect, tuple order, beside, dict kept, uint64_t commit):
    """Put a version of a record beside another or at its place, as `WritableTable.put`.

    Return its ref; None, and nothing is stored, if more is to be made for it.
    """
    cdef Segments held
    cdef Put made = Put.__new__(Put)
    found = effect.found
    made.table, made.namespace, made.key, made.body = table, namespace, effect.key, effect.body
    made.created, made.number = order[:2], order[2]
    made.values = list(effect.values)
    made.at = -1
    if found is not None:
        if found.segment is not table.index.current:
            return None  # it has moved
        made.at, made.word, made.previous = found.place, found.word, found.version.ref
    if effect.old is not None:
        made.old = effect.old.ref
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
    cdef Py_ssize_t mutable_count = made.table.encoding.mutable_count
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
            made.table.know_owner(scope, value, owners[number])
        else:
            owners[number] = 0
            size[0] += size_of(made.table.encoding.mutable_count, value, b"")
        release_after(held, held_before)
    return True


cdef uint64_t own(
    Segments *held, table, Py_ssize_t chunk, Py_ssize_t index, bytes value, scope, uint64_t commit
) except 0:
    """Make the version that owns the list of a value: `WritableTable._owner`."""
    cdef Head head
    cdef uint64_t ref
    cdef uint32_t digest
    scope = VALUES | scope
    memset(&head, 0, sizeof(head))
    head.scope, head.begin = scope, commit
    data = version(NULL, None, table.encoding.mutable_count, &head, value, b"")
    ref = append(held, chunk, table.space, table.space._active, data, table.encoding.mutable_count)
    digest = crc32(value, scope)
    add(held, index, INDEX_KEYS, 1)
    insert(held, index, digest, <uint64_t>(digest >> FINGERPRINT_SHIFT) << HASH_SHIFT | ref, TOMB)
    table.know_owner(scope, value, ref)
    return ref


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
    """Return the bytes of a version, as `Encoding.encode` makes them; without places in no list."""
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
