"""What a decoder that has been taken over would try, and what is to stop it: a table for the tests of each barrier."""

from __future__ import annotations

import os
import platform
import signal
from typing import NamedTuple

from tests.model.forks import Ended

SIGSYS = "SIGSYS"
DENIED = "PermissionError"
WORKED = "worked"
ROOT = os.geteuid() == 0


class Attempt(NamedTuple):
    """Code, what is prepared `before` there are barriers, and how it ends behind each barrier alone.

    An ending is the name of a signal or part of what is printed. Without barriers it ends as `free` says.
    `abi` is the version of Landlock that stops it.
    """

    code: str
    landlock: str | None = None
    seccomp: str | None = None
    rlimits: str | None = None
    before: str = ""
    free: str = WORKED
    abi: int = 1


LISTENER = "listener = socket.socket(); listener.bind(('127.0.0.1', 0)); listener.listen()"
ABSTRACT = (
    "listener = socket.socket(socket.AF_UNIX); listener.bind(f'\\0decoder-{os.getpid()}'.encode()); listener.listen()"
)
PAGE = "page = mmap.mmap(-1, 4096)\naddress = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
MACHINE_CODE = (
    "page = mmap.mmap(-1, 4096, prot=7); page[:8] = bytes.fromhex('b814000000cd80c3')\n"  # mov eax, 20; int 0x80; ret
    "getpid = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))"
)
LIBC = "libc = ctypes.CDLL(None, use_errno=True)\n"
CHECKED = "if {call} < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))"


def _libc(call: str) -> str:
    return LIBC + CHECKED.format(call=f"libc.{call}")


ATTEMPTS = {
    "reads-a-file": Attempt("open('/etc/passwd').close()", DENIED, DENIED),
    "reads-its-memory": Attempt("open('/proc/self/mem', 'rb').close()", DENIED, DENIED),
    "lists-a-folder": Attempt("os.listdir('/')", DENIED, DENIED),
    "looks-for-a-file": Attempt("os.stat('/etc/passwd')", None, DENIED),
    "looks-for-a-file-as-if-it-were-open": Attempt(
        "call('newfstatat', -100, b'/etc/passwd', (ctypes.c_char * 256)(), 0x1000)", None, DENIED
    ),
    "makes-a-file": Attempt(
        "name = f'/tmp/decoder-{os.getpid()}'; open(name, 'x').close(); os.unlink(name)", DENIED, SIGSYS
    ),
    "writes-to-a-file": Attempt(
        "file.write(b'x')",
        rlimits="File too large",
        before="import tempfile; file = tempfile.TemporaryFile(buffering=0)",
    ),
    "makes-a-folder": Attempt("name = f'/tmp/decoder-{os.getpid()}'; os.mkdir(name); os.rmdir(name)", DENIED, SIGSYS),
    "binds": Attempt("socket.socket().bind(('127.0.0.1', 0))", DENIED, SIGSYS, abi=4),
    "binds-what-is-open": Attempt(
        "opened.bind(('127.0.0.1', 0))", DENIED, SIGSYS, before="opened = socket.socket()", abi=4
    ),
    "connects": Attempt(
        "opened.connect(address)",
        DENIED,
        SIGSYS,
        before=f"{LISTENER}; address = listener.getsockname(); opened = socket.socket()",
        abi=4,
    ),
    "sends-a-datagram": Attempt("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))", None, SIGSYS),
    "asks-for-a-unix-socket": Attempt("socket.socket(socket.AF_UNIX)", None, SIGSYS),
    "connects-to-a-unix-socket": Attempt(
        "opened.connect(f'\\0decoder-{os.getpid()}'.encode())",
        DENIED,
        SIGSYS,
        before=f"{ABSTRACT}; opened = socket.socket(socket.AF_UNIX)",
        abi=6,
    ),
    "runs-a-program": Attempt("os.execv('/bin/true', ['true'])", DENIED, SIGSYS),
    "runs-a-program-in-memory": Attempt(
        "file = os.memfd_create('x'); os.write(file, program); os.execve(file, ['true'], {})",
        None,
        SIGSYS,
        "File too large",
        before="program = open('/bin/true', 'rb').read()",
    ),
    "forks": Attempt("os.fork() or os._exit(0)", None, SIGSYS, None if ROOT else "Resource temporarily unavailable"),
    "starts-a-thread": Attempt("threading.Thread(target=print).start()", None, SIGSYS),
    "traces-its-parent": Attempt(
        _libc("ptrace(0x4206, parent, 0, 0)"), "not permitted", SIGSYS, free=WORKED if ROOT else "not permitted"
    ),
    "is-traced": Attempt(_libc("ptrace(0, 0, 0, 0)"), None, SIGSYS),
    "reads-its-parents-memory": Attempt(
        "call('process_vm_readv', parent, None, 0, None, 0, 0)",
        None,
        SIGSYS,
    ),
    "writes-its-parents-memory": Attempt("call('process_vm_writev', parent, None, 0, None, 0, 0)", None, SIGSYS),
    "takes-hold-of-its-parent": Attempt("call('pidfd_open', parent, 0)", None, SIGSYS, free=""),
    "outlives-its-parent": Attempt(_libc("prctl(1, 0, 0, 0, 0)"), None, SIGSYS),
    "signals-its-parent": Attempt("os.kill(parent, signal.SIGCONT)", DENIED, SIGSYS, abi=6),
    "signals-a-thread-of-its-parent": Attempt(
        _libc("tgkill(parent, parent, signal.SIGCONT)"), "not permitted", SIGSYS, abi=6
    ),
    "limits-its-parent": Attempt(
        "resource.prlimit(parent, resource.RLIMIT_CPU, resource.getrlimit(resource.RLIMIT_CPU))", None, SIGSYS
    ),
    "changes-another-limit": Attempt("resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))", None, SIGSYS),
    "mounts": Attempt(
        _libc("mount(b'none', b'/nowhere', b'tmpfs', 0, None)"),
        None,
        SIGSYS,
        free="No such file" if ROOT else "not permitted",
    ),
    "loads-a-bpf-map": Attempt(
        "call('bpf', 0, (ctypes.c_uint32 * 18)(2, 4, 4, 1), 72)", None, SIGSYS, free=WORKED if ROOT else "not permitted"
    ),
    "sets-up-io-uring": Attempt("call('io_uring_setup', 1, (ctypes.c_uint32 * 30)())", None, SIGSYS),
    "leaves-its-namespace": Attempt("call('unshare', 0)", None, SIGSYS),
    "maps-executable-memory": Attempt("mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)", None, SIGSYS),
    "makes-memory-executable": Attempt(
        _libc("mprotect(ctypes.c_void_p(address), ctypes.c_size_t(4096), 5)"), None, SIGSYS, before=PAGE
    ),
    "makes-readable-memory-executable": Attempt("call('personality', 0x400000)", None, SIGSYS, free=""),
    "takes-memory-from-the-machine": Attempt(  # none of it, which does nothing where it is allowed
        "call('madvise', ctypes.c_void_p(address), ctypes.c_size_t(0), 100)", None, SIGSYS, before=PAGE, free=""
    ),
    "handles-its-own-page-faults": Attempt("call('userfaultfd', 1)", None, SIGSYS, free=""),
    "shares-memory": Attempt("call('shmget', 0, 4096, 0o1600)", None, SIGSYS, free=""),
    "asks-a-device": Attempt(
        "import fcntl; fcntl.ioctl(opened, 0x5411, b'1234')",
        None,
        SIGSYS,
        before="import fcntl, pty; _, opened = pty.openpty()",
    ),
    "wants-signals-for-another": Attempt("fcntl.fcntl(0, fcntl.F_SETOWN, parent)", None, SIGSYS, before="import fcntl"),
    "takes-too-much-memory": Attempt("bytearray(300 << 20)", rlimits="MemoryError"),
    "opens-too-much": Attempt("[os.dup(0) for _ in range(20)]", rlimits="Too many open files"),
}
"""By what is tried."""

if platform.machine() == "x86_64":
    ATTEMPTS["makes-a-32-bit-call"] = Attempt("assert getpid() == os.getpid()", None, SIGSYS, before=MACHINE_CODE)
    ATTEMPTS["makes-an-x32-call"] = Attempt(
        LIBC + "libc.syscall(0x40000000 + 39)",  # getpid; fails where the kernel has no x32, which is no matter
        None,
        SIGSYS,
    )


def ending(ended: Ended) -> str:
    """How a fork ended: the name of a signal, "worked", or the last line that it printed."""
    if ended.status < 0:
        return signal.Signals(-ended.status).name
    return ended.said.strip().splitlines()[-1] if ended.status else WORKED
