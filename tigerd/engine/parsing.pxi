# Requests: parsing.parse.

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
    """Return a request, as `parsing.parse`.

    None for a question, and for a request with anything uncommon: text that is not ASCII, say.
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
