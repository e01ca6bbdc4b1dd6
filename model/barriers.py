"""What confines a decoder, in words: those that it says when it is ready, and what to do about one that is missing.

A decoder says one word of each row of WORDS, in that order. The words are all that it can say, as it is trusted
with nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model.errors import DecoderFailed

NEWEST_LANDLOCK = 7
"""The newest version of Landlock's interface whose rights are known here; newer kernels grant what it has (Linux 6.15).
"""
RLIMITS, SECCOMP = "rlimits", "seccomp"
NO_LANDLOCK, LANDLOCK_OFF, NO_SECCOMP, NO_LIBSECCOMP = "no landlock", "landlock off", "no seccomp", "no libseccomp"
WORDS: tuple[tuple[str, ...], ...] = (
    (RLIMITS,),
    (*(f"landlock {version}" for version in range(1, NEWEST_LANDLOCK + 1)), NO_LANDLOCK, LANDLOCK_OFF),
    (SECCOMP, NO_SECCOMP, NO_LIBSECCOMP),
)
ADVICE = {
    NO_LANDLOCK: "no Landlock, which keeps it from files: it needs Linux 5.13 or newer, and in a container a seccomp "
    "profile that permits it",
    LANDLOCK_OFF: "no Landlock, which keeps it from files: it is in this kernel but off, add `landlock` to the lsm= "
    "parameter of the boot command line",
    NO_SECCOMP: "no seccomp, which keeps it from the network and from programs: it needs a Linux kernel with "
    "CONFIG_SECCOMP_FILTER",
    NO_LIBSECCOMP: "no seccomp, which keeps it from the network and from programs: it needs libseccomp "
    "(apt-get install libseccomp2)",
}
"""For each word that says that something is missing: what that is, what for, and what to do."""


def ready(words: Sequence[str]) -> dict[str, object]:
    """The header with which a decoder says that it is ready, and what it is kept in by."""
    return {"status": "ready", "barriers": list(words)}


def read_ready(header: Mapping[str, object]) -> tuple[str, ...]:
    """The words of a decoder that is ready; DecoderFailed if the header is anything else."""
    words = header.get("barriers")
    if header.keys() != {"status", "barriers"} or header["status"] != "ready" or not isinstance(words, list):
        raise DecoderFailed("a decoder process did not say that it is ready")
    if len(words) != len(WORDS) or any(word not in known for word, known in zip(words, WORDS, strict=True)):
        raise DecoderFailed("a decoder process says nonsense of what confines it")
    return tuple(words)


def missing(words: Sequence[str]) -> str:
    """What is missing and what to do about it, as part of a sentence; empty if nothing is."""
    return "; ".join(ADVICE[word] for word in words if word in ADVICE)


def in_force(words: Sequence[str]) -> str:
    """What is there, as part of a sentence."""
    return ", ".join(word for word in words if word not in ADVICE)
