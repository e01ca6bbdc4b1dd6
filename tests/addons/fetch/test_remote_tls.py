"""Fetching over TLS."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from addons.fetch.errors import FetchFailed, FetchTooLarge
from tests.addons.fetch.certificates import Certificates
from tests.addons.fetch.fetching import fetch
from tests.addons.fetch.sites import CHUNKED, PUBLIC, Names, Site, endless, hold, listen, ok, redirect, serve


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


NAMES = {"site.example": [[PUBLIC]]}


async def test_tls(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    context = certificates.server(x509.DNSName("site.example"), x509.IPAddress(ipaddress.ip_address(PUBLIC)))
    async with serve(ok(b"picture"), tls=context) as site:
        for host in ("site.example", PUBLIC):
            assert await fetch(f"https://{host}:{site.port}/", site, resolver=Names(NAMES)) == b"picture"


async def test_a_redirect_to_plain_http_is_followed(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    async with (
        serve(ok(b"picture")) as plain,
        serve(redirect(plain.url), tls=certificates.server(x509.DNSName("site.example"))) as site,
    ):
        url = f"https://site.example:{site.port}/"
        assert await fetch(url, site, plain, resolver=Names(NAMES)) == b"picture"


@pytest.mark.parametrize(
    ("trusted", "name", "days", "reason"),
    [
        (False, "site", 1, "TLS: certificate of an unknown authority"),
        (True, "other", 1, "TLS: certificate of another name"),
        (True, "site", -1, "TLS: certificate expired"),
    ],
)
async def test_a_certificate_that_is_not_good(
    trusted: bool, name: str, days: int, reason: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    context = certificates.server(x509.DNSName(f"{name}.example"), days=days)
    async with serve(ok(b"picture"), tls=context) as site:
        with pytest.raises(FetchFailed) as caught:
            await fetch(f"https://site.example:{site.port}/", site, resolver=Names(NAMES))
        assert caught.value.reason == reason
        assert site.requests == []


async def test_bytes_are_counted_below_tls(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    context = certificates.server(x509.DNSName("site.example"))
    async with serve(endless(CHUNKED + b"1;", b"x" * 10_000), tls=context) as site:
        with pytest.raises(FetchTooLarge):
            await fetch(f"https://site.example:{site.port}/", site, resolver=Names(NAMES))


async def test_tls_to_a_plain_port() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    site = Site(hold())
    async with listen(talk, PUBLIC) as site.port:
        with pytest.raises(FetchFailed, match="TLS: no handshake"):
            await fetch(f"https://{PUBLIC}:{site.port}/", site)


async def test_plain_to_a_tls_port(certificates: Certificates) -> None:
    async with serve(ok(b"picture"), tls=certificates.server(x509.DNSName("site.example"))) as site:
        with pytest.raises(FetchFailed):
            await fetch(site.url, site)


async def test_a_tls_peer_that_never_says_goodbye_holds_no_connection(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.file))
    context = certificates.server(x509.DNSName("site.example"))
    left = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        read, write = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(read, write, server_side=True)
        for step in (tls.do_handshake, lambda: tls.read(65_536), lambda: tls.write(ok(b"picture"))):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    writer.write(write.read())
                    read.write(await reader.read(65_536))
        writer.write(write.read())
        while await reader.read(65_536):
            pass
        left.set()

    site = Site(hold())
    async with listen(talk, PUBLIC) as site.port:
        url = f"https://site.example:{site.port}/"
        assert await fetch(url, site, resolver=Names(NAMES)) == b"picture"
        async with asyncio.timeout(10):  # asyncio itself would wait 30 s for the goodbye
            await left.wait()
