"""Ways to spoil a request's head: its first line, and what stands around that. fields.py has the lines below it."""

from __future__ import annotations

from random import Random

from tests.property.drafts import Draft, field_line, nonce


def target(draft: Draft, random: Random) -> None:
    """Another spelling of the path, or what stands around it."""
    path, mark, query = draft.target.partition(b"?")
    at = random.randrange(len(path)) if path else 0
    escaped = path[:at] + b"%%%02x" % path[at] + path[at + 1 :] if path else b""
    draft.target = random.choice(
        (
            escaped + mark + query,
            path[:at] + b"%%25%02x" % (path[at] if path else 0) + path[at + 1 :] + mark + query,
            draft.target + b"#x",
            path + b"#" + mark + query,
            b"http://any" + draft.target,
            b"HTTP://pictures.test:80" + draft.target,
            b"/" + draft.target,
            b"/./" + draft.target[1:],
            b"/x/.." + draft.target,
            path + b"/" + mark + query,
            path.upper() + mark + query,
            path + b";x" + mark + query,
            path + b"%00" + mark + query,
            path + b"%0d%0aX-Api-Token:%20x" + mark + query,
            path + b"%2f" + mark + query,
            draft.target.replace(b"/", b"\\"),
            draft.target + b" HTTP/1.1\r\nX: y\r\n\r\nGET /healthz",
            draft.target + b" x",
            draft.target + b"\xff",
            draft.target + b"\xe3\x80\x80",
            draft.target + b"?" + b"a" * 20000,
            b"*",
            b"pictures.test:80",
            b"",
            b"/image/download?url=http://pictures.test/forbidden/1.png",
            b"/image/process.zzz?proxy=http://pictures.test/forbidden/1.png",
        )
    )


def query(draft: Draft, random: Random) -> None:
    """Keys once more, in another spelling, in another order, or that pict-rs would take for steps."""
    path, _, raw = draft.target.partition(b"?")
    pairs = raw.split(b"&") if raw else []
    alien = random.choice(
        (
            *(b"proxy=http%3A%2F%2Fpictures.test%2Fforbidden%2F2.png", b"%70roxy=http://pictures.test/forbidden/3.png"),
            *(b"PROXY=http://pictures.test/ok/4.png", b"proxy[]=http://pictures.test/ok/5.png", b"proxy=", b"proxy"),
            *(b"proxy=http://u:p@pictures.test/ok/6.png", b"proxy=http://pictures.test/ok/7.png#part"),
            *(b"proxy=%20http://pictures.test/ok/8.png%20", b"proxy=http:\\\\pictures.test\\ok\\9.png"),
            *(b"proxy=http:/pictures.test/ok/10.png", b"proxy=HTTP://PICTURES.TEST/x/../ok/11.png"),
            *(b"url=http://pictures.test/forbidden/12.png", b"u%72l=http://pictures.test/ok/13.png"),
            *(b"src=a.png", b"src=..", b"alias=a.png", b"alias=a%2Fb", b"s%72c=b.png", b"backgrounded=true"),
            *(b"backgrounded=1", b"crop=1x1", b"blur=99", b"Crop=1x1", b"resize=5", b"resize=5;x=1", b"nonsense=1"),
            *(b"=", b"", b"%", b"%zz=1", b"a+b=c", b"max_width=10", b"thumbnail=5", b"thumbnail=%35", b"x=%00"),
            *(b"max_width=10%0d%0aX:%20y", b"upload_id=x", b"force=1", b"limit=99999999999999999999"),
        )
    )
    pairs.insert(random.randrange(len(pairs) + 1), alien)
    if random.randrange(3) == 0 and raw:
        pairs.append(random.choice(raw.split(b"&")))
    draft.target = path + b"?" + random.choice((b"&", b"&", b"&", b";", b"&amp;")).join(pairs)


def staged(draft: Draft, random: Random) -> None:
    """An address that looks like one of the filter's own."""
    path, _, _ = draft.target.partition(b"?")
    token = random.choice((b"A" * 22, b"AAAAAAAAAAAAAAAAAAAAAGh0dHA6Ly9h", nonce(random)))
    draft.target = path + b"?proxy=http%3A%2F%2F127.0.0.1%3A8082%2Fv%2F" + token


def method(draft: Draft, random: Random) -> None:
    """Another method, or one said in a field."""
    if random.randrange(4) == 0:
        draft.headers.append(field_line(b"X-HTTP-Method-Override", random.choice((b"POST", b"DELETE"))))
        return
    draft.method = random.choice(
        (
            b"POST",
            b"GET",
            b"HEAD",
            b"DELETE",
            b"PUT",
            b"CONNECT",
            b"OPTIONS",
            b"TRACE",
            b"PRI",
            b"get",
            b"Post",
            b"G\x00T",
            b"",
        )
    )


def version(draft: Draft, random: Random) -> None:
    """Another version."""
    draft.version = random.choice(
        (b"HTTP/1.0", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/1.2", b"http/1.1", b"HTTP/1.1 ", b"HTTP/11", b"")
    )


def line_end(draft: Draft, random: Random) -> None:
    """A first line that ends otherwise."""
    draft.first_end = random.choice((b"\n", b"\r", b"\r\r\n", b"\n\r\n", b" \r\n", b"\x00\r\n", b"\r\n ", b"\r\n\t"))


def preface(draft: Draft, random: Random) -> None:
    """Something in front of it."""
    draft.before = random.choice(
        (
            b"\r\n",
            b"\r\n\r\n\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
            b"\x00",
            b"0\r\n\r\n",
            b" ",
        )
    )
