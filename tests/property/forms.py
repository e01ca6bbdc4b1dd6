"""Ways to spoil a form: what readers of multipart bodies were seen to differ in."""

from __future__ import annotations

from random import Random

from tests.property.drafts import Draft, Form, Part, field_line, media


def _swap(data: bytes, old: bytes, new: bytes) -> bytes:
    return data.replace(old, new, 1)


def form(draft: Draft, random: Random) -> None:
    """What readers of forms differ in."""
    if draft.form is None:
        data, _ = media(random)
        draft.form = Form(b"b1", [Part([b'Content-Disposition: form-data; name="images[]"; filename="a"'], data)])
        draft.headers.append(field_line(b"Content-Type", b"multipart/form-data; boundary=b1"))
    made = draft.form
    random.choice((_disposition, _part, _frame, _type))(made, draft, random)


def _disposition(made: Form, draft: Draft, random: Random) -> None:
    part = random.choice(made.parts)
    name = b'name="images[]"; filename="a"'
    parameters = random.choice(
        (
            b"name=images[]; filename=a",
            b'name="images][]"; filename="a"',
            b'name="images[]"; name="text"; filename="a"',
            b'name="text"; name="images[]"; filename="a"',
            b'name="text"; filename="a"',
            b'name="images[]"',
            b'filename="a"; ' + name,
            b'NAME="images[]"; filename="a"',
            b'name = "images[]"; filename="a"',
            rb'x="\"name="; ' + name,
            b"name=\"images[]\"; filename*=utf-8''a",
            b'name="images[]"; filename="a/.."',
            b'name="images[]"; filename="../../a.png"',
            b'name="images[]"; filename="a\x00.png"',
            b'name="images[]"; filename="\xfc.png"',
            b'name="images[]"; filename=""',
            b'name="images[]"; filename="' + b"x" * 5000 + b'"',
        )
    )
    part.lines[0] = b"Content-Disposition: form-data; " + parameters


def _part(made: Form, draft: Draft, random: Random) -> None:
    at = random.randrange(len(made.parts))
    part = made.parts[at]
    hidden = part.data + b"\r\n--" + made.boundary + b"\r\n" + part.write()
    choice = random.randrange(12)
    if choice == 0:  # a part's own length makes boundaries data
        part.lines.append(b"Content-Length: %d" % len(hidden))
        part.data = hidden
    elif choice == 1:
        part.lines.append(b"Content-Length: %d" % random.choice((0, 1, len(part.data) - 1, len(part.data) + 1)))
    elif choice == 2:
        part.end = random.choice((b"\n", b"\r"))
    elif choice == 3:
        part.lines.append(part.lines[0].replace(b"images[]", b"text"))
    elif choice == 4:
        part.lines.insert(0, b'Content-Disposition: form-data; name="text"')
    elif choice == 5:
        part.lines.append(random.choice((b"Content-Transfer-Encoding: base64", b"Content-Encoding: gzip", b"X: y")))
    elif choice == 6:
        part.lines.append(b"Content-Type: multipart/mixed; boundary=b2")
    elif choice == 7:
        part.lines[0] = part.lines[0].replace(b" filename", b"\r\n filename")
    elif choice == 8:
        part.data = b"\n--" + made.boundary + b"\r\n" + part.write()
    elif choice == 9:
        part.data = b""
    elif choice == 10:
        made.parts.insert(at, Part([b'Content-Disposition: form-data; name="text"'], b"x"))
    else:
        part.data += b"\r--" + made.boundary + b"\r\n" + part.write()


def _frame(made: Form, draft: Draft, random: Random) -> None:
    line = b"--" + made.boundary
    if random.randrange(2):
        made.before = random.choice(
            (b"\r\n", b"hello\r\n", line + b"x\n" + made.parts[0].write() + b"\r\n", line + b"\n", line + b" \r\n")
        )
    else:
        made.after = random.choice(
            (b"", b"--", b"--\r\n\r\n", b"--\n", b"--x\r\n", b"\r\n", b"--\r\nhello", b"--\r\n" + made.parts[0].write())
        )


def _type(made: Form, draft: Draft, random: Random) -> None:
    found = [index for index, line in enumerate(draft.headers) if line.lower().startswith(b"content-type:")]
    if not found:  # another trick took it away
        return
    at = found[0]
    line = draft.headers[at]
    draft.headers[at : at + 1] = random.choice(
        (
            [_swap(line, b"multipart/form-data", b"text/plain")],
            [_swap(line, b"multipart/form-data", b"MULTIPART/FORM-DATA")],
            [_swap(line, b"multipart/form-data", b"multipart/mixed")],
            [_swap(line, b"boundary=", b"boundary=zz; boundary=")],
            [_swap(line, b"\r\n", b"; boundary=zz\r\n")],
            [_swap(line, b"boundary=", b'boundary="')[:-2] + b'"\r\n'],
            [_swap(line, b"boundary=", b"Boundary=")],
            [_swap(line, b"; boundary", b";boundary")],
            [_swap(line, b"\r\n", b"; charset=UTF-8\r\n")],
            [line, b"Content-Type: image/png\r\n"],
            [b"Content-Type: image/png\r\n", line],
            [_swap(line, b"\r\n", b", image/png\r\n")],
        )
    )
