# Requests that do little: applying.apply, operations.fork, operations.clear_namespace.

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
cdef Py_ssize_t RING_AT = layout.RING_AT
cdef uint64_t RING_WORDS = layout.RING_WORDS
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
cdef int NUMBER_BITS = layout.NUMBER_BITS
cdef int64_t COUNT_MAX = layout.COUNT_MAX


def write(writer, list operations, Py_ssize_t slot, uint64_t request):
    """Plan, apply and answer a request that does little, as `applying.apply`.

    Return the targets of its outcome. None, and nothing is stored, for all else, and for what is
    to be refused.
    """
    cdef dict puts = {}
    cdef list tables = None
    try:
        if type(operations[0]) is not list or not len(<list>operations[0]):
            return None
        kind = operations[0][0]
        if kind == FORK or kind == CLEAR_NAMESPACE:
            if len(operations) > 1 or len(<list?>operations[0]) != 3:
                return None
            _, first, name = operations[0]
            if kind == FORK:
                tables = forked(writer, first, name)
            else:
                tables = cleared(writer, first, name)
            if tables is None:
                return None
        elif not plan(writer, operations, puts) or not has_room(writer, puts):
            return None
    except Exception:  # which comes again, in words
        return None
    if kind == FORK:
        return fork(writer, tables, first, name, slot, request)
    if kind == CLEAR_NAMESPACE:
        return clear(writer, tables, name, slot, request)
    last = operations[len(operations) - 1][0]
    targets = list(puts)
    apply(writer, puts, slot, request, last == PUT or last == CREATE)
    return targets


cdef bint plan(writer, list operations, dict puts) except -1:
    """Add what operations put, by its target; return whether all of it is common."""
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
        kind, number, name, content = operation[:4]
        table = tables.get(number)
        if table is None or not is_common(table) or name in writer.forks:
            return False
        namespace = table.namespaces.get(name)
        if namespace is None and plain_name(name) is None:
            return False
        if kind == PUT and size <= 5 or kind == CREATE and size == 4:
            version = operation[4] if size == 5 else None
            if not plan_put(writer, puts, table, name, content, kind == CREATE, version):
                return False
        elif kind == PUT_MANY and size == 4 and type(content) is list:
            if len(<list>content) > RECORDS_FEW:
                return False
            for body in <list>content:
                if not plan_put(writer, puts, table, name, body, False, None):
                    return False
        elif kind == EXPECT and size == 5:
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
    writer, dict puts, table, str name, body, bint is_create, if_version
) except -1:
    """Add a record that is to be put; return whether that is common."""
    cdef Put made = Put.__new__(Put)
    cdef Before before
    if type(body) is not bytes or len(<bytes>body) > writer.max_record:
        return False
    found = facts_of(body, table.fields)
    if found is None:
        return False
    made.table, made.namespace, made.body = table, table.namespaces.get(name), body
    made.key, made.created, made.values = found
    target = (table.number, name, made.key)
    if target in puts or len(made.values) >= LISTS_MAX or not look(made, &before):
        return False
    if before.is_shown and is_create:
        return False
    if if_version is not None and if_version != (before.begin if before.is_shown else None):
        return False
    made.is_new = not before.is_shown
    puts[target] = made
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
    if made.table.fields:
        body = <const char *>head + HEAD_SIZE + entry.key_size
        found = facts_of(
            PyBytes_FromStringAndSize(body, entry.body_size), made.table.fields
        )
        if found is None:
            return False
        made.kept = dict(found[2])
    return True


cdef bint has_room(writer, dict puts) except -1:
    """Tell whether there is room for all that is put, by the rough count of `WritableTable.reserve`."""
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
        most + count * <uint64_t>table.encoding.overhead <= <uint64_t>room_in(held, chunk)
        and 2 * (words_of(held, index)[INDEX_USED] + count) <= slots
        and words_of(held, 0)[entry_at(table, LAST_NAMESPACE)] + RECORDS_FEW <= SCOPES_MOST
    )
    release_after(held, 1)
    return fits


cdef Py_ssize_t entry_at(table, Py_ssize_t word) except -1:
    """Return where a word of a table's entry is in the control segment: `layout.entry_at`."""
    return TABLES_AT + <Py_ssize_t>table.number * TABLE_WORDS + word


cdef uint64_t next_of(Segments *held, table, Py_ssize_t word) except 0:
    """Return the next number of a kind: `WritableTable._next`."""
    cdef Py_ssize_t at = entry_at(table, word)
    cdef uint64_t number = words_of(held, 0)[at] + 1
    store(held, 0, at, number)
    return number


cdef uint64_t next_number(Segments *held, table, uint64_t commit) except 0:
    """Return the number of a record that a commit inserts: `WritableTable._next_number`."""
    cdef Py_ssize_t at = entry_at(table, LAST_NUMBER)
    cdef uint64_t number = max(words_of(held, 0)[at] + 1, commit << NUMBER_BITS)
    store(held, 0, at, number)
    return number


cdef int apply(writer, dict puts, Py_ssize_t slot, uint64_t request, bint names_record) except -1:
    """Make what was planned, and answer: `Writer._store`."""
    cdef Segments held
    cdef Put made
    cdef PyObject *namespaces[RECORDS_FEW]
    cdef PyObject *tables[RECORDS_FEW]
    cdef int64_t changes[RECORDS_FEW]
    cdef Py_ssize_t number, known = 0
    cdef uint64_t commit, ref = 0, named = 0
    held.count = 0
    try:
        hold(&held, writer.control)
        commit = words_of(&held, 0)[COMMIT] + 1
        for (_, name, _), made in puts.items():
            ref = put_next(&held, writer, made, name, commit)
            named = <uint64_t>made.table.number << 48 | ref
            tell(&held, (UPDATED if not made.is_new else CREATED) << 56 | named, commit)
            for number in range(known + 1):
                if number == known:
                    namespaces[known] = <PyObject *>made.namespace
                    tables[known] = <PyObject *>made.table
                    changes[known] = 0
                    known += 1
                    break
                if namespaces[number] == <PyObject *>made.namespace:
                    break
            changes[number] += made.is_new
            release_after(&held, 1)
        for number in range(known):
            count(&held, <object>tables[number], <object>namespaces[number], changes[number], commit)
            release_after(&held, 1)
        finish(&held, writer, slot, request, commit, named if names_record else 0)
    finally:
        release_after(&held, 0)
    return 0


cdef uint64_t put_next(
    Segments *held, writer, Put made, str name, uint64_t commit
) except 0:
    """Put a version, and say before what it ends: `Writer._apply_effect`."""
    if made.old:
        writer.cleaner.note_end(commit, made.table, made.old)
    if made.namespace is None:
        made.namespace = made.table.namespaces.get(name)  # one before it may have begun it
        if made.namespace is None:
            begin(held, made.table, name, None, commit)
            made.namespace = made.table.namespaces[name]
    if not made.number:
        made.number = next_number(held, made.table, commit)
    ref = put_in(held, made, commit)
    if not ref:
        raise IndexError("no room where there was some")
    return ref


cdef uint64_t begin(Segments *held, table, str name, parent, uint64_t commit) except 0:
    """Begin a namespace, which a parent gives what it holds: `WritableTable._begin`."""
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
    data = version(&place, [], table.encoding.mutable_count, &head, key, body)
    (<uint64_t *>PyBytes_AS_STRING(data))[<Py_ssize_t>table.encoding.mutable_count + COUNT_A] = (
        commit << COUNT_BITS | <uint64_t>records
    )
    ref = append(held, chunk, space, active, data, table.encoding.mutable_count)
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
    table.namespaces.begin(name, ref, head.number, parent, commit)
    return ref


cdef int tell(Segments *held, uint64_t change, uint64_t commit) except -1:
    """Add a change to the ring that watchers read: `Writer._tell`."""
    cdef uint64_t number = words_of(held, 0)[CHANGES]
    cdef uint64_t most = layout.RING_MAX  # less in tests
    cdef Py_ssize_t at = RING_AT + number % most * RING_WORDS
    fence()  # a reader of what overwrites an old entry sees how far the ring is
    store(held, 0, at, commit)
    store(held, 0, at + 1, change)
    fence()  # and a reader that sees how far it is sees the entry
    return store(held, 0, CHANGES, number + 1)


cdef int count(Segments *held, table, namespace, int64_t change, uint64_t commit) except -1:
    """Store the number of a namespace's records: `WritableTable.count`."""
    cdef int64_t records = <int64_t>namespace.records + change
    cdef Word word
    if namespace.counted != commit:
        namespace.counted = commit
        namespace.count_at = COUNT_A + COUNT_B - <Py_ssize_t>namespace.count_at
    records = min(max(records, 0), COUNT_MAX)
    namespace.records = records
    word = word_of(held, table.space.chunks, namespace.ref, namespace.count_at)
    return store(held, word.segment, word.at, commit << COUNT_BITS | <uint64_t>records)


cdef int finish(
    Segments *held, writer, Py_ssize_t slot, uint64_t request, uint64_t commit, uint64_t ref
) except -1:
    """Store a client's answer and the commit, and wake the client: the end of `Writer._store`."""
    cdef Py_ssize_t at = CLIENTS_AT + slot * CLIENT_WORDS
    store(held, 0, at + CLIENT_REF, ref)
    store(held, 0, at + CLIENT_COMMIT, commit)
    fence()
    store(held, 0, at + CLIENT_ANSWER, request << CLIENT_STATUS_BITS | DONE)
    before_commit = writer.before_commit
    if before_commit is not None:
        before_commit(commit)
    fence()
    store(held, 0, COMMIT, commit)
    writer.committed = commit
    fence()
    if wake is not None:
        wake(writer.control.words, at + CLIENT_ANSWER)
    return 0


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
    """Begin a fork in tables, and answer; return its targets."""
    cdef Segments held
    cdef uint64_t commit, ref
    cdef list targets = [(table.number, child, None) for table in tables]
    held.count = 0
    try:
        hold(&held, writer.control)
        commit = words_of(&held, 0)[COMMIT] + 1
        for table in tables:
            ref = begin(&held, table, child, table.namespaces[parent], commit)
            tell(&held, FORKED << 56 | <uint64_t>table.number << 48 | ref, commit)
            release_after(&held, 1)
        finish(&held, writer, slot, request, commit, 0)
    finally:
        release_after(&held, 0)
    return targets


cdef list clear(writer, list tables, str name, Py_ssize_t slot, uint64_t request):
    """End a namespace in tables, and answer; return its targets."""
    cdef Segments held
    cdef Entry found
    cdef Word end
    cdef Py_ssize_t index
    cdef uint64_t commit, ref
    cdef bytes key = name.encode()
    cdef list targets = [(table.number, name, None) for table in tables]
    held.count = 0
    try:
        hold(&held, writer.control)
        commit = words_of(&held, 0)[COMMIT] + 1
        for table in tables:
            ref = table.namespaces[name].ref
            writer.cleaner.note_end(commit, table, ref)
            index = hold(&held, table.index.current)
            if (
                not find_entry(&held, index, table.space.chunks, NAMESPACES, key, &found)
                or found.word & REF_MASK != ref
            ):
                raise IndexError(f"namespace {name!r} is not in its index")
            store(&held, index, found.at, found.word | GONE)
            end = word_of(&held, table.space.chunks, ref, END)
            store(&held, end.segment, end.at, commit)
            table.namespaces.forget(name)
            tell(&held, CLEARED << 56 | <uint64_t>table.number << 48 | ref, commit)
            release_after(&held, 1)
        writer.note_clear(commit)
        finish(&held, writer, slot, request, commit, 0)
    finally:
        release_after(&held, 0)
    return targets
