"""The limits that a child process sets for itself before it reads an untrusted file.

Limits of resources are those of POSIX. The network is cut by a seccomp filter, which refuses the
system calls that open a socket, start a program or reach into another process; where the kernel or
the processor has none, by a network namespace without interfaces. Only the standard library is used
here: libseccomp's bindings need a library of the system, and the filter is a dozen instructions.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER_AND_NEWNET = 0x10000000 | 0x40000000
_SIGKILL = 9

# https://docs.kernel.org/userspace-api/seccomp_filter.html; instructions are those of classic BPF.
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 1  # the errno EPERM
_X32_CALLS = 0x40000000

# The kernel's name of the architecture, and the numbers of the refused system calls: socket,
# socketpair, connect, execve, execveat, ptrace, process_vm_readv, process_vm_writev,
# io_uring_setup, pidfd_getfd.
_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 59, 322, 101, 310, 311, 425, 438)),
    "aarch64": (0xC00000B7, (198, 199, 203, 221, 281, 117, 270, 271, 425, 438)),
}


def confine(memory: int, seconds: int) -> str | None:
    """Limit this process, and cut its network.

    Args:
        memory: Bytes that it may allocate.
        seconds: Seconds of the processor that it may use.

    Returns:
        What cut the network, ``seccomp`` or ``namespace``; None if nothing could.
    """
    with suppress(OSError):  # if the machine lacks memory, the kernel ends this process first
        descriptor = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(descriptor, b"1000")
        os.close(descriptor)
    network = _confine_linux() if sys.platform == "linux" else None
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    # All private memory that can be written, but not the files that are mapped for reading.
    _limit(resource.RLIMIT_DATA, memory)
    # The first limit ends the process with a signal of its own, the second one without fail.
    _limit(resource.RLIMIT_CPU, seconds, seconds + 1)
    return network


def _limit(kind: int, wanted: int, at_most: int | None = None) -> None:
    _, allowed = resource.getrlimit(kind)
    values = (wanted, wanted if at_most is None else at_most)
    if allowed != resource.RLIM_INFINITY:
        values = (min(values[0], allowed), min(values[1], allowed))
    resource.setrlimit(kind, values)


def _confine_linux() -> str | None:
    """End this process with its parent, and cut its network."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if _filter_calls(libc):
        return "seccomp"
    return "namespace" if libc.unshare(_CLONE_NEWUSER_AND_NEWNET) == 0 else None


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """Install the filter; return whether the kernel accepted it."""
    if platform.machine() not in _CALLS:
        return False
    architecture, refused = _CALLS[platform.machine()]
    tests = [(_AT_LEAST, _X32_CALLS), *((_EQUAL, number) for number in refused)]
    program = [
        (_LOAD, 0, 0, 4),  # the architecture of the call
        (_EQUAL, 0, len(tests) + 2, architecture),
        (_LOAD, 0, 0, 0),  # the number of the call
        *((test, len(tests) - place, 0, number) for place, (test, number) in enumerate(tests)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    head = ctypes.create_string_buffer(struct.pack("HL", len(program), ctypes.addressof(code)))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    failed: int = libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0)
    return not failed
