"""Ordinary clients must pass: the very bytes that each of them sends, but for the file itself.

Captured on loopback from curl 7.88, Node 20, Go 1.26, httpx 0.28 and aiohttp 3.14; the others by their sources. What
they do differently is the table: boundaries, quotes, order and spelling of headers, lengths, the end of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from addons.pictrs.multipart import SAFE_FILENAME, Part, parse, serialise
from tests.addons.pictrs import actix
from tests.addons.pictrs.forms import naive

DATA = b"\x89PNG\r\n\x1a\n\x00\xff\r\n--not the boundary\r\n\r\r\n--\r\n"


@dataclass(frozen=True)
class Client:
    id: str
    content_type: bytes
    body: bytes
    """With %s where the file's bytes go."""
    filename: str = "a.png"


WEBKIT = b"----WebKitFormBoundary7MA4YWxkTrZu0gW0"
GECKO = b"----geckoformboundary7c1b0b4a5a1f3f4de8b1d3d2c0ffee11"
OKHTTP = b"8d57f7e3-4f31-4f5c-a1a5-5c2f9f2c2b11"
DART = b"dart-http-boundary-+Zq_1a.bC-dEf0GhIjKlMnOpQrStUvWxYz0123456789_-.+AbC"
APACHE = b"-_k3VYxP0qZ1aBcDeFgHiJkLmNoPqRsTuV"

CLIENTS = [
    Client(
        "curl-7.88",
        b"multipart/form-data; boundary=------------------------88a80f7773b5fc8b",
        b"--------------------------88a80f7773b5fc8b\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a b \xc3\xbc %%22q%%22 (1).png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n--------------------------88a80f7773b5fc8b--\r\n",
        "a b ü %22q%22 (1).png",
    ),
    Client(
        "chromium-form",
        b"multipart/form-data; boundary=" + WEBKIT,
        b"--" + WEBKIT + b'\r\nContent-Disposition: form-data; name="images[]"; filename="a b (1).png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n--" + WEBKIT + b"--\r\n",
        "a b (1).png",
    ),
    Client(
        "chromium-fetch-unknown-type",
        b"multipart/form-data; boundary=" + WEBKIT,
        b"--" + WEBKIT + b'\r\nContent-Disposition: form-data; name="images[]"; filename="blob"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--" + WEBKIT + b"--\r\n",
        "blob",
    ),
    Client(
        "firefox",
        b"multipart/form-data; boundary=" + GECKO,
        b"--" + GECKO + b'\r\nContent-Disposition: form-data; name="images[]"; filename="%%22.png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n--" + GECKO + b"--\r\n",
        "%22.png",
    ),
    Client(
        "requests-without-a-type",
        b"multipart/form-data; boundary=5f2bd1a1e61c6d0b4e3f0b2a9f0c7d55",
        b"--5f2bd1a1e61c6d0b4e3f0b2a9f0c7d55\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a.png"\r\n\r\n'
        b"%s\r\n--5f2bd1a1e61c6d0b4e3f0b2a9f0c7d55--\r\n",
    ),
    Client(
        "httpx-0.28",
        b"multipart/form-data; boundary=c02ae806a8e0e79b0efab8adfc3127b1",
        b"--c02ae806a8e0e79b0efab8adfc3127b1\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="images[]"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n%s\r\n--c02ae806a8e0e79b0efab8adfc3127b1--\r\n",
        "images[]",
    ),
    Client(
        "aiohttp-3.14",
        b"multipart/form-data; boundary=7cb520a8095a466e9d04a49005357b69",
        b"--7cb520a8095a466e9d04a49005357b69\r\nContent-Type: image/png\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a%%20b%%20%%C3%%BC.png"\r\n\r\n'
        b"%s\r\n--7cb520a8095a466e9d04a49005357b69--\r\n",
        "a%20b%20%C3%BC.png",
    ),
    Client(
        "node-20-fetch",
        b"multipart/form-data; boundary=----formdata-undici-091846137754",
        b"------formdata-undici-091846137754\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a b \xc3\xbc %%22q%%22 (1).png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n------formdata-undici-091846137754--\r\n",
        "a b ü %22q%22 (1).png",
    ),
    Client(
        "node-18-fetch-no-last-line-break",
        b"multipart/form-data; boundary=----formdata-undici-014593785",
        b"------formdata-undici-014593785\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n------formdata-undici-014593785--",
    ),
    Client(
        "node-form-data-no-space-in-the-type",
        b"multipart/form-data;boundary=--------------------------515890814546601021194782",
        b"----------------------------515890814546601021194782\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n----------------------------515890814546601021194782--\r\n",
    ),
    Client(
        "axios-1.7-two-last-line-breaks",
        b"multipart/form-data; boundary=form-data-boundary-7mq1tjb0xkzv9w2n4hl8cpd3e",
        b"--form-data-boundary-7mq1tjb0xkzv9w2n4hl8cpd3e\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n--form-data-boundary-7mq1tjb0xkzv9w2n4hl8cpd3e--\r\n\r\n",
    ),
    Client(
        "go-1.26",
        b"multipart/form-data; boundary=81a05a2c4c36ea25215529ec40601766ad4302383b1599b98a8bb40e07c6",
        b"--81a05a2c4c36ea25215529ec40601766ad4302383b1599b98a8bb40e07c6\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a b \xc3\xbc (1).png"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n"
        b"%s\r\n--81a05a2c4c36ea25215529ec40601766ad4302383b1599b98a8bb40e07c6--\r\n",
        "a b ü (1).png",
    ),
    Client(
        "okhttp-4-true-length",
        b"multipart/form-data; boundary=" + OKHTTP,
        b"--" + OKHTTP + b'\r\nContent-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Type: image/*\r\nContent-Length: %d\r\n\r\n" % len(DATA) + b"%s\r\n--" + OKHTTP + b"--\r\n",
    ),
    Client(
        "retrofit-2-true-length-and-encoding",
        b"multipart/form-data; boundary=" + OKHTTP,
        b"--" + OKHTTP + b'\r\nContent-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Transfer-Encoding: binary\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
        % len(DATA)
        + b"%s\r\n--"
        + OKHTTP
        + b"--\r\n",
    ),
    Client(
        "apache-httpmime-4-charset-after",
        b"multipart/form-data; boundary=" + APACHE + b"; charset=UTF-8",
        b"--" + APACHE + b'\r\nContent-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
        b"%s\r\n--" + APACHE + b"--\r\n",
    ),
    Client(
        "apache-httpclient-5-charset-before",
        b"multipart/form-data; charset=ISO-8859-1; boundary=" + APACHE,
        b"--" + APACHE + b'\r\nContent-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\n\r\n%s\r\n--" + APACHE + b"--\r\n",
    ),
    Client(
        "dart-http-lower-case-type-first",
        b"multipart/form-data; boundary=" + DART,
        b"--" + DART + b"\r\ncontent-type: application/octet-stream\r\n"
        b'content-disposition: form-data; name="images[]"; filename="%%22a%%22.png"\r\n\r\n'
        b"%s\r\n--" + DART + b"--\r\n",
        "%22a%22.png",
    ),
    Client(
        "dart-dio",
        b"multipart/form-data; boundary=--dio-boundary-1733428017",
        b"----dio-boundary-1733428017\r\n"
        b'content-disposition: form-data; name="images[]"; filename="image_picker_1.jpg"\r\n'
        b"content-type: image/jpeg\r\n\r\n%s\r\n----dio-boundary-1733428017--\r\n",
        "image_picker_1.jpg",
    ),
    Client(
        "ktor-2-length-last",
        b"multipart/form-data; boundary=3f9d4a10-5bb2ab12-6c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6",
        b"--3f9d4a10-5bb2ab12-6c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b"Content-Type: image/png\r\nContent-Length: %d\r\n\r\n"
        % len(DATA)
        + b"%s\r\n--3f9d4a10-5bb2ab12-6c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6--\r\n",
    ),
    Client(
        "java-mail-quoted-boundary",
        b'multipart/form-data; boundary="----=_Part_0_123456789.1733428017123"',
        b"------=_Part_0_123456789.1733428017123\r\n"
        b'Content-Disposition: form-data; name="images[]"; filename="a.png"\r\n'
        b'Content-Type: image/png; name="a.png"\r\n\r\n%s\r\n------=_Part_0_123456789.1733428017123--\r\n',
    ),
]


@pytest.mark.parametrize("client", CLIENTS, ids=[client.id for client in CLIENTS])
def test_an_ordinary_client_passes(client: Client) -> None:
    body = client.body % DATA
    [part] = parse([client.content_type], body, max_files=1, max_file_bytes=len(DATA))
    assert (part.filename, part.content_type, part.data) == (client.filename, None, DATA)
    for release in actix.RELEASES:
        reading = actix.read([client.content_type], body, release)
        assert (reading.files, reading.error) == ([DATA], None)  # the shape is right: pict-rs takes it as well
    assert naive([client.content_type], body) == [DATA]


@pytest.mark.parametrize("client", CLIENTS, ids=[client.id for client in CLIENTS])
def test_what_is_sent_on_has_the_data_and_nothing_else_of_the_client(client: Client) -> None:
    [part] = parse([client.content_type], client.body % DATA, max_files=1, max_file_bytes=len(DATA))
    content_type, body = serialise([Part(SAFE_FILENAME, "image/png", part.data)], lambda: "0" * 48)
    assert content_type == "multipart/form-data; boundary=" + "0" * 48
    assert body == (
        b"--" + b"0" * 48 + b'\r\nContent-Disposition: form-data; name="images[]"; filename="upload"\r\n'
        b"Content-Type: image/png\r\nContent-Length: %d\r\n\r\n%s\r\n--" % (len(DATA), DATA) + b"0" * 48 + b"--\r\n"
    )
