# One value of msgpack, for both compiled modules.

cdef enum Kind:
    UNCOMMON, ABSENT, CONSTANT, INTEGER, FRACTION, TEXT, ARRAY, MAP

cdef struct Value:
    Kind kind
    const uint8_t *start
    Py_ssize_t length  # bytes from the start to the end of all that is in it
    const uint8_t *text
    Py_ssize_t size  # bytes of a text, items of a container
    int64_t integer
    double fraction
    bint is_shortest  # whether msgpack would pack it so


cdef uint64_t number_at(const uint8_t *at, int width) noexcept:
    cdef uint64_t number = 0
    while width:
        number = number << 8 | at[0]
        at += 1
        width -= 1
    return number


cdef const uint8_t *read(const uint8_t *at, const uint8_t *end, Value *value) noexcept:
    """Read a value, of a container only the head, and return where the next begins."""
    cdef int code, width = 0
    cdef uint64_t number = 0
    cdef uint64_t least = 0
    value.kind, value.start, value.is_shortest = UNCOMMON, at, True
    if at >= end:
        return at
    code = at[0]
    at += 1
    if code < 0x80 or code >= 0xE0:
        value.kind, value.integer = INTEGER, <int8_t>code
        return at
    if 0xCC <= code <= 0xD3:
        width = 1 << (code & 3)
    elif code == 0xD9:
        width = 1
    elif code in (0xDA, 0xDC, 0xDE):
        width = 2
    elif code in (0xDB, 0xDD, 0xDF):
        width = 4
    elif code == 0xCB:
        width = 8
    if end - at < width:
        return at
    number = number_at(at, width)
    at += width
    if code < 0x90:
        value.kind, value.size = MAP, code & 0x0F
    elif code < 0xA0:
        value.kind, value.size = ARRAY, code & 0x0F
    elif code < 0xC0:
        value.kind, value.size = TEXT, code & 0x1F
    elif code in (0xC0, 0xC2, 0xC3):
        value.kind = CONSTANT
    elif code in (0xDE, 0xDF):
        value.kind, value.size = MAP, number
    elif code in (0xDC, 0xDD):
        value.kind, value.size = ARRAY, number
    elif code in (0xD9, 0xDA, 0xDB):
        value.kind, value.size = TEXT, number
        least = 32 if width == 1 else <uint64_t>1 << 4 * width
        value.is_shortest = number >= least
    elif 0xCC <= code <= 0xCF:
        if number >> 63:
            return at
        value.kind, value.integer = INTEGER, number
        least = 128 if width == 1 else <uint64_t>1 << 4 * width
        value.is_shortest = number >= least
    elif 0xD0 <= code <= 0xD3:
        value.kind = INTEGER
        if width == 1:
            value.integer = <int8_t>number
            value.is_shortest = value.integer < -32
        elif width == 2:
            value.integer = <int16_t>number
            value.is_shortest = value.integer < -(1 << 7)
        elif width == 4:
            value.integer = <int32_t>number
            value.is_shortest = value.integer < -(1 << 15)
        else:
            value.integer = <int64_t>number
            value.is_shortest = value.integer < -(<int64_t>1 << 31)
    elif code == 0xCB:
        memcpy(&value.fraction, &number, sizeof(number))
        if value.fraction - value.fraction == 0.0:  # neither an infinity nor not a number
            value.kind = FRACTION
    if value.kind == TEXT:
        value.text = at
        if end - at < value.size:
            value.kind = UNCOMMON
            return at
        at += value.size
    return at


cdef bint is_ascii(const uint8_t *text, Py_ssize_t size) noexcept:
    cdef uint8_t seen = 0
    cdef Py_ssize_t at
    for at in range(size):
        seen |= text[at]
    return seen < 0x80
