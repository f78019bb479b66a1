# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""What the daemon does for every record, compiled: an optional part, with the same results.

As in `tiger.format.compiled`, each function does the common case of one that is written in Python,
and returns None for any other case, which is left to that one. It makes the same stores in the same
order. Tests that look at every store let all of them be made by `WritableSegment.store` and
`write`.
"""

from cpython.buffer cimport PyBUF_READ, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from zlib import crc32

from tiger.format import layout, memory, protocol, record
from tiger.format.memory import wake

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
    #define STORE(at, value) __atomic_store_n((at), (value), __ATOMIC_RELEASE)
    #if defined(__x86_64__) || defined(__i386__)  /* as `tiger.format.memory.fence` */
    #define FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)
    #else
    #define FENCE() __atomic_thread_fence(__ATOMIC_SEQ_CST)
    #endif
    """
    void STORE(uint64_t *, uint64_t) nogil
    void FENCE() nogil

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object, Py_ssize_t *) except NULL

cdef int DEPTH_MAX = record.DEPTH_MAX
cdef int KEY_MAX = layout.KEY_MAX
cdef int64_t EXACT = 1 << 53  # a double holds all integers up to here


include "../../client/tiger/format/value.pxi"


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


include "facts.pxi"
include "parsing.pxi"
include "segments.pxi"
include "versions.pxi"
include "little.pxi"
