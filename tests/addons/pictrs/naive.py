"""A filter as one would write it first: it decides with what Python's usual parsers see.

What it finds nothing to judge in goes on as it came. Each REAL trap of the tests is forwarded by it, unjudged.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

FORMATS = ("apng", "avif", "gif", "jpeg", "jpg", "jxl", "png", "webp")


def forwards_unjudged(method: str, target: bytes) -> bool:
    """Whether this request would reach pict-rs in the client's own spelling with nothing of it judged."""
    text = target.decode("latin-1")
    query = {key: values[-1] for key, values in parse_qs(urlsplit(text).query, keep_blank_values=True).items()}
    path = text.partition("?")[0]
    if method == "POST":
        return path not in ("/image", "/image/backgrounded", "/internal/import")
    if path.startswith("/image/download"):
        return "url" not in query
    if path.startswith(("/image/original", "/image/blurhash")):
        return "proxy" not in query or "alias" in query
    if path.startswith("/image/process.") and path.endswith(FORMATS):
        return "proxy" not in query or "src" in query or "alias" in query
    return True
