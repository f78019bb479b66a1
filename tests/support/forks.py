"""What programs that fork begin with: a test has them of their own, for its process has threads."""

from __future__ import annotations

FORK = """
import json, os, sys
import tiger

def fork(work):
    '''Let a child work; return a function that waits for it and returns what the work did.'''
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_end, json.dumps(work()).encode())
            os._exit(0)
        except BaseException as error:
            os.write(write_end, json.dumps(repr(error)).encode())
            os._exit(1)
    os.close(write_end)

    def answer():
        with open(read_end, "rb") as pipe:
            said = pipe.read()
        os.waitpid(pid, 0)
        return json.loads(said)

    return answer
"""

C_FORK = "import ctypes\n" + FORK.replace("os.fork()", "ctypes.PyDLL(None).fork()")
"""The same, as programs in C do it: no hook of Python's is called. The GIL is kept, as they keep
it: a child of a call without it may wait for a thread that it has not."""
