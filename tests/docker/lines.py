"""Request lines, and who is to get them from the shipped nginx: pict-rs at once, the filter, or nobody.

Rules this file keeps: what goes straight is spelled in one way only; every other spelling of it is in the second list.
"""

from __future__ import annotations

from typing import Final

PICTURE: Final = "http://h/q.jpg"
LONG: Final = "a" * 128  # the longest name of a stored picture
FORMATS: Final = ("apng", "avif", "gif", "jpeg", "jpg", "jxl", "png", "webp")
STEPS: Final = (
    *("thumbnail=96", "resize=200", "resize=Lanczos.200", "resize=Mitchell.a40000", "resize=.a40000", "crop=16x9"),
    *("blur=1.5", "blur=20", "identity=", "identity=true", "identity=false"),
)

NAMES: Final = ("e15c2f1a-0b7d-4f0e-9d53-0a0f3a7f4a10.jpeg", "a", "...", "..a", ".a", "-", "_", LONG)
STORED: Final = (
    *(f"{method} /image/original/{name} HTTP/1.1" for method in ("GET", "HEAD") for name in NAMES),
    *(f"GET /image/details/original/{name} HTTP/1.1" for name in NAMES),
    *(f"GET /image/process.webp?src={name} HTTP/1.1" for name in NAMES),
    *(f"GET /image/process.webp?alias={name}&thumbnail=5 HTTP/1.1" for name in NAMES),
    *(f"{method} /image/process.{kind}?src=a.png HTTP/1.1" for method in ("GET", "HEAD") for kind in FORMATS),
    *(f"GET /image/process.jpg?src=a.png&{step} HTTP/1.1" for step in STEPS),
    "GET /image/process.jpg?src=a.png&crop=1x1&resize=5&blur=2&identity=&thumbnail=96 HTTP/1.1",
    "GET /image/original/a.png HTTP/1.0",
)
"""Straight to pict-rs, byte for byte."""

# Keys by which pict-rs would fetch something, as it or somebody else might read them
PROXIES: Final = (
    *(
        f"{key}={value}"
        for key in ("proxy", "%70roxy", "pro%78y", "%70%72%6f%78%79", "%70%72%6F%78%79", "Proxy", "PROXY", "proxy[]")
        for value in (PICTURE, "http%3A%2F%2Fh%2Fq.jpg", "")
    ),
    *("proxy", "+proxy=x", "proxy+=x", "%20proxy=x", "proxy%00=x", "proxy%5B%5D=x", "proxy==x"),
)

# SECURITY: what pict-rs (actix-router) decodes, cuts off or leaves alone, and what others do with it
PATHS: Final = (
    *("/im%61ge/original/a.png", "/image/%6Friginal/a.png", "/image/original/a%2Epng", "/image/original/%61.png"),
    *("/image/original/a.png#x", "/image/original/a.png#", "/image#/original/a.png", "/image/original/#a.png"),
    *("//image/original/a.png", "/image//original/a.png", "/image/original//a.png", "/image/original/a.png/"),
    *("/./image/original/a.png", "/image/./original/a.png", "/x/../image/original/a.png", "/image/original/x/../a.png"),
    *("/image/original/.", "/image/original/..", "/image/original/", "/image/original", "/image/", "/image", "/"),
    *("/image/original/%2e%2e", "/image/original/%2e", "/image%2Foriginal%2Fa.png", "/image/original%2Fa.png"),
    *("/IMAGE/original/a.png", "/image/Original/a.png", "/image/original/a;b.png", "/image;x/original/a.png"),
    *("/image/original/a.png;x=1", "/image\\original\\a.png", "/image/original/a+b.png", "/image/original/a,b.png"),
    *("/image/original/a@b", "/image/original/a:b", "/image/original/~a", "/image/original/a/b"),
    "/image/original/a\xe4",
    *("/image/original/a%0d%0aX:%20y", "/image/original/a%20HTTP/1.1", f"/image/original/{LONG}a"),
    "/image/originals/a",
    *("/image/original/a.png?", "/image/original/a.png?x=1", "/image/original/a.png?thumbnail=5"),
    "/image/original?a.png",
    *("/image/details/original", "/image/details/original/..", "/image/details/original/a.png?"),
    "/image/details/a.png",
    *("/image/details/process.webp?src=a.png", "/image/process_backgrounded.webp?src=a.png", "/image/blurhash?alias=a"),
    *("/image/delete/token/a.png", "/image/backgrounded/claim?upload_id=a", "/internal/aliases?alias=a", "/healthz"),
    *("/image/process.zzz?src=a.png", "/image/process.?src=a.png", "/image/process?src=a.png"),
    "/image/process.PNG?src=a",
    *("/image/process.jpegg?src=a", "/image/process.jp?src=a", "/image/processxpng?src=a", "/image/process.png/?src=a"),
    *("/image/process%2Epng?src=a.png", "/image/process.%70ng?src=a.png", "/image/process.png#?src=a.png"),
    *("/image/process.png;?src=a.png", "/image/process.png", "/image/process.png?", "/image/x/process.png?src=a.png"),
)  # fmt: skip

QUERIES: Final = (
    *("src=", "src", "src=.", "src=..", "src=..&thumbnail=5", "src=.&thumbnail=5", "src=a%2Epng", "s%72c=a", "SRC=a"),
    *("src=a&src=b", "src=a&src=a", "src=a&alias=b", "alias=b&src=a", "alias=a&alias=b", "src=a&thumbnail=5&src=b"),
    *("src=a&thumbnail=5&thumbnail=5", "src=a&thumbnail=5&resize=6&thumbnail=7", "src=a&resize=1&resize=2"),
    *("src=a&identity=&identity=", "src=a&blur=1&crop=1x1&blur=2", "src=a&crop=1x1&crop=1x1"),
    *("thumbnail=5&src=a", "thumbnail=5", "&src=a", "src=a&", "src=a&&thumbnail=5", "src=a;thumbnail=5", "src=a?"),
    *("src=a&thumbnail=", "src=a&thumbnail", "src=a&thumbnail=x", "src=a&thumbnail=%35", "src=a&thumbnail=123456"),
    *("src=a&thumbnail=5#x", "src=a#&thumbnail=5", "src=a&thumbnail=5;x=1", "src=a&Thumbnail=5", "src=a&thumb%6Eail=5"),
    *("src=a&identity", "src=a&identity=1", "src=a&crop=1", "src=a&crop=100x1", "src=a&blur=a", "src=a&resize=a"),
    *("src=a&resize=Lan+czos.5", "src=a&x=1", "src=a&=", "src=a&=5", "src=a&resize=1234567890", "src=a+b", "src=a/b"),
    *(f"src={PICTURE}", "src=a&url=http://h/q.jpg", "src=a&amp;thumbnail=5", "src=a%26proxy=x", "src=a%00"),
    f"src={LONG}a",
)  # fmt: skip

LINES: Final = (
    "GET http://any/image/original/a.png HTTP/1.1",
    "GET HTTP://any:80/image/process.png?src=a.png HTTP/1.1",
    "GET http://h/q.jpg HTTP/1.1",
    "GET /image/original/a.png",  # HTTP/0.9
    "GET /image/original/a.png  HTTP/1.1",
    "GET  /image/original/a.png HTTP/1.1",
    "GET /image/original/a.png HTTP/1.1 ",
    "GET /image/original/a.png HTTP/1.9",
    *(
        f"{method} /image/original/a.png HTTP/1.1"
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X", "GETX")
    ),
    "HEAD /image/details/original/a.png HTTP/1.1",
    "POST /image/process.png?src=a.png HTTP/1.1",
    *(f"POST {target} HTTP/1.1" for target in ("/image", "/image?resize=5", "/image/backgrounded", "/internal/import")),
    *(f"POST /internal/{name} HTTP/1.1" for name in ("purge?alias=a", "delete?alias=a", f"purge?proxy={PICTURE}")),
    f"GET /image/download?url={PICTURE} HTTP/1.1",
    f"GET /image/do%77nload?url={PICTURE} HTTP/1.1",
    f"GET /image/original?proxy={PICTURE}?width=640&s=a%2Fb HTTP/1.1",  # as Lemmy 0.19 writes it
    f"GET /image/process.webp?proxy={PICTURE}?w=1&src=a.png&thumbnail=96 HTTP/1.1",
    f"GET /image/process.zzz?proxy={PICTURE} HTTP/1.1",
)  # fmt: skip

FILTERED: Final = (
    *(f"GET {path} HTTP/1.1" for path in PATHS),
    *(f"GET /image/process.webp?{query} HTTP/1.1" for query in QUERIES),
    *(
        f"GET /image/{place}{proxy}{more} HTTP/1.1"
        for proxy in PROXIES
        for place, more in (
            ("original?", ""),
            ("original/a.png?", ""),
            ("details/original?", ""),
            ("details/original/a.png?", ""),
            ("blurhash?", ""),
            ("process.webp?", ""),
            ("process.webp?src=a.png&", ""),
            ("process.webp?", "&src=a.png"),
            ("process.webp?src=a.png&src=b.png&", ""),
            ("process.webp?src=a.png&thumbnail=96&", ""),
        )
    ),
    *LINES,
)
"""To the filter, in the spelling in which they came; nothing of it to pict-rs."""

REFUSED: Final = {
    "get /image/original/a.png HTTP/1.1": 400,
    "Get /image/original/a.png HTTP/1.1": 400,
    "GET image/original/a.png HTTP/1.1": 400,
    "GET * HTTP/1.1": 400,
    "OPTIONS * HTTP/1.1": 400,
    "GET any:80 HTTP/1.1": 400,
    "CONNECT any:80 HTTP/1.1": 400,
    "TRACE /image/original/a.png HTTP/1.1": 405,
    "GET /image/original/a.png HTTP/2.0": 505,
    "GET /image/original/a.png HTTP/1.1x": 400,
    "GET /image/original/a.png HTTP/11": 505,
    "GET /image/original/a.png http/1.1": 400,
    "GET /image/original/a b.png HTTP/1.1": 400,
    "GET /image/original/a\tb.png HTTP/1.1": 400,
    "GET /image/original/a.png\x01 HTTP/1.1": 400,
    "GET /image/original/a.png\x7f HTTP/1.1": 400,
    "GET /image/original/a%00.png HTTP/1.1": 400,
    "GET /image/original/a%zz HTTP/1.1": 400,
    "GET /image/../../original/a.png HTTP/1.1": 400,
    "GET /image/original/%2e%2e/%2e%2e/%2e%2e/%2e%2e/a HTTP/1.1": 400,
    f"GET /image/original/{'a' * 20000} HTTP/1.1": 414,
    "GET /.pictrs/large HTTP/1.1": 404,
    "GET /x/../.pictrs/storage HTTP/1.1": 404,
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03": 400,  # a TLS hello
    "PRI * HTTP/2.0": 400,
}
"""What nginx itself answers, with these statuses."""
