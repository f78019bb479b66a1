# Facts of a record: facts.facts_of.

cdef const uint8_t *read_text(
    const uint8_t *at, const uint8_t *end, Value *value
) except? NULL:
    """Read a value, and raise if it is text that is not valid UTF-8."""
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
    """Return the facts of a record, as `facts.facts_of`; None if that has to look."""
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
    """Return the key of an indexed value; None for one that is not packed as keys are."""
    if not (value.kind == CONSTANT or value.kind == INTEGER or value.kind == TEXT):
        return None
    if not value.is_shortest or value.length >= KEY_MAX:
        return None
    key = PyBytes_FromStringAndSize(NULL, 1 + value.length)
    PyBytes_AS_STRING(key)[0] = index
    memcpy(PyBytes_AS_STRING(key) + 1, value.start, value.length)
    return key
