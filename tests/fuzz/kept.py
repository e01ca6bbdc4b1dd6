"""The corpus: raw bytes of clients, a file for each connection. How one ended stands in its name, where it matters.

passed/NAME.http, refused/NAME.http    written by hand (test_corpus.py says what the folders mean)
HASH.END.http                          found by the fuzzer; END as in tests.property.streams.End
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.property.streams import End, Stream

CORPUS = Path(__file__).parent / "corpus"


def read(file: Path) -> Stream:
    """A file as what a client sends; whose end is not named asks once more."""
    named = [end for end in End if f".{end}." in file.name]
    return Stream(file.read_bytes(), named[0] if named else End.ASK)


def write(stream: Stream, folder: Path = CORPUS) -> Path:
    """Keep what was found."""
    name = hashlib.sha256(stream.data).hexdigest()[:16]
    file = folder / f"{name}.{stream.end}.http"
    file.write_bytes(stream.data)
    return file
