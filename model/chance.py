"""Choices among frames and parts that nobody outside can foresee, and that are the same each time for the same file.

What is not looked at must not be known beforehand, or it is there that things are hidden. A decoder draws a secret when
it starts, and from it and the bytes of a file comes a generator: whoever changes a byte gets another choice, and cannot
work it out. Two decoders choose differently; the verdict on a file is kept (model/cached.py), not its views.
"""

from __future__ import annotations

import hashlib
import os
from random import Random

SECRET_BYTES = 32
SECRET = os.urandom(SECRET_BYTES)
"""Of this process, which has it before it takes a file and is confined."""


def chances(data: bytes, secret: bytes = SECRET) -> Random:
    """The generator for a file. A gigabyte takes a second."""
    return Random(int.from_bytes(hashlib.blake2b(data, key=secret).digest()))
