"""What pict-rs 0.5.25 does with a request target, as far as media are concerned. A model, made from its sources.

actix-router 0.5.4 (`Url::new`, `Quoter`), http 0.2 (`Uri`), serde_urlencoded 0.7, pict-rs's lib.rs (`AliasQuery`,
`ProcessSource`, `DownloadQuery`: untagged and flattened enums, in which a key that stands twice makes a variant fail).
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from urllib.parse import unquote_to_bytes


class Ingest(NamedTuple):
    """Media that come in: by a body (`upload`, `import`), or fetched by pict-rs itself from `url`."""

    how: Literal["upload", "import", "fetch"]
    url: str = ""


LIMITS = {
    *("max_width", "max_height", "max_area", "max_frame_count", "max_file_size"),
    *("allow_image", "allow_animation", "allow_video"),
}


def path_and_query(target: bytes) -> tuple[str, list[tuple[str, str]]]:
    text = re.sub(r"\Ahttps?://[^/?#]*", "", target.decode("latin-1"), flags=re.I).partition("#")[0]
    raw_path, _, raw_query = text.partition("?")
    kept = re.sub(r"%(?=25|2[Ff]|2[Bb])", "%25", raw_path)
    path = unquote_to_bytes(kept.encode("latin-1")).decode("utf-8", "replace")
    pairs = [pair.partition("=") for pair in raw_query.split("&") if pair]
    return path, [(_decode(key), _decode(value)) for key, _, value in pairs]


def _decode(piece: str) -> str:
    return unquote_to_bytes(piece.replace("+", " ").encode("latin-1")).decode("utf-8", "replace")


def ingest(method: str, target: bytes) -> Ingest | None:
    """What comes into the store, or None. HEAD, details and the rest only look things up."""
    path, pairs = path_and_query(target)

    def once(key: str) -> str | None:
        values = [value for name, value in pairs if name == key]
        return values[0] if len(values) == 1 else None

    def fetched(url: str | None) -> Ingest | None:
        return Ingest("fetch", url) if url is not None and re.match(r"https?:", url, re.I) else None

    match method, path:
        case "POST", "/image" | "/image/backgrounded":
            return Ingest("upload")
        case "POST", "/internal/import":
            return Ingest("import")
        case "GET", "/image/download":
            flags = [value for name, value in pairs if name == "backgrounded"]
            return fetched(once("url")) if flags in ([], ["true"], ["false"]) else None
        case "GET", "/image/original" | "/image/blurhash":
            return fetched(once("proxy"))
        case "GET", _ if re.fullmatch(r"/image/process\.[^/]+", path):
            if once("src") is not None or once("alias") is not None:
                return None
            return fetched(once("proxy"))  # before the extension is looked at
    return None


def steps(target: bytes) -> list[tuple[str, str]]:
    """The processing steps of an upload's query, applied to what the body brought (from 0.5.11)."""
    return [pair for pair in path_and_query(target)[1] if pair[0] not in LIMITS]
