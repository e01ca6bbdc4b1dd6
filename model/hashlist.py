"""Lists of hashes as text: one hash a line, which people write by hand and servers exchange. Pure.

    <64 hex>          SHA-256 of a file, or what the caller says that a bare hash is
    pdq <64 hex>      PDQ hash of a picture, as Meta's Hasher-Matcher-Actioner exchanges it
    sha256 <64 hex>   SHA-256, said outright

Each may end in `# note`; empty lines and `#` lines are comments. Rules this file keeps: no content makes it raise; what
it cannot read it tells, with the line; nothing grows beyond a bound; a note that is written stays on its line.
"""

from __future__ import annotations

import binascii
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from config.problems import printable

Kind = Literal["sha256", "pdq"]

HASH_BYTES: Final = 32
"""Bytes of a hash of either kind, 256 bits (FIPS 180-4; Meta, "The TMK+PDQF video-hashing algorithm and the PDQ
image-hashing algorithm", 2019)."""

MAX_ENTRIES: Final = 2_000_000
"""Hashes of a list. With its index a PDQ hash takes 100 bytes of memory, so such a list takes 200 MB."""

MAX_BYTES: Final = 192 * 1024 * 1024
"""Bytes of a list: MAX_ENTRIES lines `pdq <64 hex>` are 138 MB, and the rest is for notes and comments."""

MAX_LINES: Final = 3 * MAX_ENTRIES
"""Lines of a list: for each hash a comment and an empty line. Without it MAX_BYTES of empty lines would take minutes,
in which other threads hardly get on."""

MAX_NOTE_CHARACTERS: Final = 200
"""Length of a note, of which the rest is cut off: it goes into lines of the log, and has to say no more than why."""

MAX_LINE_BYTES: Final = 4096
"""Length of a line with a hash: the longest note takes 800 bytes in UTF-8. Comments may be longer."""

MAX_FAULTS: Final = 20
"""Faults that are told apart; of more only the number is kept. What is not a list at all has one in each line."""

_KINDS: Final[Mapping[bytes, Kind]] = {b"sha256": "sha256", b"pdq": "pdq"}
_HEX = re.compile(r"(?:[A-Za-z0-9]+[ \t]+)?([0-9A-Fa-f]{16,})[ \t]*(?:#.*)?")
_OTHER_KIND = re.compile(r"([A-Za-z0-9_-]{1,16})[ \t:,]+[0-9A-Fa-f]{64}\b.*")
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Fault:
    """A line, counted from 1, that cannot be read, and why: one printable line for the list's owner."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One hash, HASH_BYTES bytes, with its note or an empty one."""

    kind: Kind
    hash: bytes
    note: str = ""


@dataclass(frozen=True)
class HashList:
    """What a list holds, in its order, repetitions and all.

    sha256, pdq   uint8 (N, 32) and (M, 32)
    notes         kind -> row -> note, of those rows alone that have one
    faults        the first MAX_FAULTS lines that could not be read; `faulty` counts all of them
    """

    sha256: NDArray[np.uint8]
    pdq: NDArray[np.uint8]
    notes: Mapping[Kind, Mapping[int, str]]
    faults: tuple[Fault, ...] = ()
    faulty: int = 0

    def __len__(self) -> int:
        return len(self.sha256) + len(self.pdq)

    def rows(self, kind: Kind) -> NDArray[np.uint8]:
        """The hashes of one kind, uint8 (N, 32)."""
        return self.sha256 if kind == "sha256" else self.pdq

    def entries(self) -> Iterator[Entry]:
        """Every hash with its note, those of one kind after those of the other."""
        kinds: tuple[Kind, ...] = ("sha256", "pdq")
        for kind in kinds:
            notes = self.notes[kind]
            for row, value in enumerate(self.rows(kind)):
                yield Entry(kind, value.tobytes(), notes.get(row, ""))


class _Faults:
    def __init__(self) -> None:
        self.kept: list[Fault] = []
        self.count = 0

    def add(self, line: int, message: str | bytes) -> None:
        """Count one; a message of bytes is the line itself, of which it is found out what is wrong with it."""
        self.count += 1
        if len(self.kept) < MAX_FAULTS:
            self.kept.append(Fault(line, message if isinstance(message, str) else _what_is_wrong(message)))


def parse(data: bytes, bare: Kind = "sha256") -> HashList:
    """Read a list; `bare` is what a hash without a word before it is. Never raises, whatever `data` is.

    With more than MAX_BYTES or MAX_LINES nothing is read, beyond MAX_ENTRIES nothing more; all are faults.
    """
    found: dict[Kind, bytearray] = {"sha256": bytearray(), "pdq": bytearray()}
    notes: dict[Kind, dict[int, str]] = {"sha256": {}, "pdq": {}}
    shared: dict[str, str] = {}  # a note that a thousand entries have is kept once
    faults = _Faults()
    entries = 0
    for number, line in enumerate(_lines(data, faults), 1):
        if line.isspace() or line.startswith(b"#"):  # a twentieth of the time that `_read` takes
            continue
        read = _read(line, bare)
        if read is None:
            faults.add(number, line)
            continue
        kind, value, said = read
        if not value:
            continue
        if entries == MAX_ENTRIES:
            faults.add(number, f"is beyond the {MAX_ENTRIES} hashes that a list may have; nothing more is read")
            break
        entries += 1
        rows = found[kind]
        if said and (note := one_line(said.decode("utf-8", "replace"))):
            notes[kind][len(rows) // HASH_BYTES] = shared.setdefault(note, note)
        rows += value
    return HashList(_array(found["sha256"]), _array(found["pdq"]), notes, tuple(faults.kept), faults.count)


def read_line(line: bytes, bare: Kind = "sha256") -> Entry | None:
    """The hash of one line, with or without its line end; None of a comment, an empty line and a fault."""
    read = _read(line, bare)
    if read is None or not read[1]:
        return None
    return Entry(read[0], read[1], one_line(read[2].decode("utf-8", "replace")))


def line(kind: Kind, hash: bytes, note: str = "") -> str:  # noqa: A002 -- it is one
    """The line of a hash of HASH_BYTES bytes, without a line end; SHA-256 bare. Raises ValueError for other lengths."""
    if len(hash) != HASH_BYTES:
        raise ValueError(f"a hash has {HASH_BYTES} bytes, not {len(hash)}")
    text = hash.hex() if kind == "sha256" else f"{kind} {hash.hex()}"
    note = one_line(note)
    return f"{text}  # {note}" if note else text


def one_line(note: str) -> str:
    """`note` as it can be kept: on one line, without what a terminal obeys, MAX_NOTE_CHARACTERS at most."""
    note = note[: 8 * MAX_NOTE_CHARACTERS].strip()
    if not note.isprintable():
        note = "".join(char if char.isprintable() else " " for char in note)
    return " ".join(note.split())[:MAX_NOTE_CHARACTERS].rstrip()


def _read(line: bytes, bare: Kind) -> tuple[Kind, bytes, bytes] | None:
    """(kind, hash, note) of a line, the hash empty where there is none; None where it cannot be read.

    No regular expression: this runs a million times, and takes a time that grows with the line and no faster.
    """
    if len(line) > MAX_LINE_BYTES:
        return (bare, b"", b"") if line.lstrip()[:1] in (b"", b"#") else None
    text, _, note = line.partition(b"#")
    words = text.split()
    if not words:
        return bare, b"", b""
    kind = bare if len(words) == 1 else _KINDS.get(words[0].lower()) if len(words) == 2 else None
    digits = words[-1]
    if kind is None or len(digits) != 2 * HASH_BYTES:
        return None
    try:
        return kind, binascii.unhexlify(digits), note
    except binascii.Error:
        return None


def _lines(data: bytes, faults: _Faults) -> Iterator[bytes]:
    if len(data) > MAX_BYTES:
        faults.add(1, f"the list has {len(data)} bytes, more than {MAX_BYTES}; nothing of it is read")
    elif (lines := data.count(b"\n")) > MAX_LINES:
        faults.add(1, f"the list has {lines} lines, more than {MAX_LINES}; nothing of it is read")
    elif data.startswith(_UTF16_MARKS):
        faults.add(1, "the file is UTF-16; save it as UTF-8")
    else:
        file = io.BytesIO(data)  # gives line by line: a list of a million lines would cost 100 MB
        if data.startswith(_UTF8_MARK):
            file.seek(len(_UTF8_MARK))
        yield from file


def _what_is_wrong(line: bytes) -> str:
    if len(line) > MAX_LINE_BYTES:
        return f"the line has more than {MAX_LINE_BYTES} bytes"
    text = line.decode("utf-8", "replace").strip()
    if text.startswith(("<", "{", "[")):
        return f"is not a list of hashes but a page or data of another kind: {printable(text)}"
    other = _OTHER_KIND.fullmatch(text)
    if other and other[1].lower() not in ("pdq", "sha256"):
        return f"the word before a hash must be pdq or sha256, not {printable(other[1])}"
    digits = _HEX.fullmatch(text)
    if digits and len(digits[1]) != 2 * HASH_BYTES:
        return f"a SHA-256 or PDQ hash has {2 * HASH_BYTES} hex digits, not {len(digits[1])}"
    return f"must be 64 hex digits, or pdq and 64 hex digits, then at most a # note; not {printable(text)}"


def _array(rows: bytearray) -> NDArray[np.uint8]:
    made = np.frombuffer(bytes(rows), np.uint8).reshape(-1, HASH_BYTES)
    rows.clear()
    return made
