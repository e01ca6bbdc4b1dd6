"""Malformed files and files of other kinds, made from whole ones: changed headers, cut ends, playlists and scripts."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from random import Random

from tests.model.samples import ANIMATIONS, STILLS
from tests.model.videos import video
from tests.model.webms import plain

FORMATS = ("jpeg", "png-RGB", "apng", "gif", "gif-animated", "webp", "webp-animated", "avif", "avif-animated")
HEAD_BYTES = 160
"""Where the headers of all formats stand."""
MAGIC_BYTES = 24


@cache
def whole() -> dict[str, bytes]:
    """A file of every format."""
    files = {name: (STILLS | ANIMATIONS)[name]() for name in (*FORMATS, "jxl", "jxl-boxes")}
    return files | {"mp4": video(frames=4), "webm": plain(frames=4)}


def changed_headers(each: int, files: Mapping[str, bytes] | None = None) -> Iterator[tuple[str, bytes]]:
    """Files with one to four bytes of their first ones changed, so many of each format or of each file, by a name."""
    for name, data in (files or whole()).items():
        for seed in range(each):
            random, out = Random(seed), bytearray(data)
            for _ in range(random.randint(1, 4)):
                out[random.randrange(min(HEAD_BYTES, len(out)))] = random.choice(
                    (0, 1, 0x7F, 0xFF, random.randrange(256))
                )
            yield f"{name} header {seed}", bytes(out)


def truncations(each: int) -> Iterator[tuple[str, bytes]]:
    """Files that break off, at so many places of each format, the first of them in the header, the last at the end."""
    for name, data in whole().items():
        ends = {round(step * (len(data) - 1) / each) for step in range(1, each + 1)} | {12, 20}
        for end in sorted(ends):
            yield f"{name} up to {end}", data[:end]


def _archives() -> dict[str, bytes]:
    packed, taped = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", whole()["png-RGB"])
    with tarfile.open(fileobj=taped, mode="w") as tar:
        entry = tarfile.TarInfo("a.png")
        entry.size = len(whole()["png-RGB"])
        tar.addfile(entry, io.BytesIO(whole()["png-RGB"]))
    return {"zip": packed.getvalue(), "tar": taped.getvalue(), "gzip": gzip.compress(whole()["png-RGB"])}


@cache
def scripts() -> dict[str, bytes]:
    """Files that make other programs open files and addresses, or run something."""
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd" width="9" height="9"/></svg>'
    texts = {
        "ffconcat": b"ffconcat version 1.0\nfile /etc/passwd\nfile http://127.0.0.1/a.png\n",
        "hls": b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nconcat:http://127.0.0.1/a|file:///etc/passwd\n#EXT-X-ENDLIST\n",
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5000 RTP/AVP 96\n",
        "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///etc/</BaseURL></MPD>',
        "svg": svg,
        "svg with a head": b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg,
        "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cc"><!ENTITY d "&b;&b;&b;&b;">]><a>&d;&d;&d;</a>',
        "html": b"<!DOCTYPE html><html><script>alert(1)</script><img src=x></html>",
        "pdf": b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n%%EOF\n",
        "postscript": b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file 99 string readstring pop == showpage\n",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{%pipe%id} (r) file\n%%EOF\n",
        "mvg": b"push graphic-context\nfill 'url(https://127.0.0.1/a.png\"|id\")'\npop graphic-context\n",
        "msl": b'<?xml version="1.0"?><image><read filename="/etc/passwd"/><write filename="/tmp/x"/></image>',
        "cue": b'FILE "/etc/passwd" BINARY\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
        "shell": b"#!/bin/sh\nexit 0\n",
        "text": b"Just some words, and nothing else.\n" * 9,
        "program": Path(sys.executable).resolve().read_bytes()[:65536],
        "zeros": bytes(4096),
        "nothing": b"",
    }
    return texts | _archives()


def behind_magic() -> Iterator[tuple[str, bytes]]:
    """Each of them behind the first bytes of every format, short and long."""
    for name, data in whole().items():
        for kind, script in scripts().items():
            for length in (12, MAGIC_BYTES):
                yield f"{kind} behind {length} bytes of {name}", data[:length] + script
