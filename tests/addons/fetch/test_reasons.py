"""Words for the log: each failure has some, and none of them names whom was asked."""

from __future__ import annotations

import errno
import socket
import ssl
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.http_exceptions import BadStatusLine, ContentLengthError, TransferEncodingError
from yarl import URL

from addons.fetch.reasons import CERTIFICATE, CONNECTION, in_words

SECRET = "secret.example"
KEY = ConnectionKey(SECRET, 443, True, True, None, None, None)


def caused(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def certificate(code: int) -> aiohttp.ClientConnectorCertificateError:
    error = ssl.SSLCertVerificationError(1, f"Hostname mismatch, certificate is not valid for '{SECRET}'")
    error.verify_code = code
    return aiohttp.ClientConnectorCertificateError(KEY, error)


def no_name(number: int) -> aiohttp.ClientConnectorDNSError:
    return aiohttp.ClientConnectorDNSError(KEY, socket.gaierror(number, SECRET))


NOT_HTTP = "the answer is not well-formed HTTP, or a header of it is too long"
REQUEST = cast(aiohttp.RequestInfo, SimpleNamespace(real_url=URL(f"http://{SECRET}/")))
LOST = aiohttp.ServerDisconnectedError(SECRET)

WORDS: list[tuple[BaseException, str]] = [
    (no_name(socket.EAI_NONAME), "the name has no address"),
    (no_name(socket.EAI_NODATA), "the name has no address"),
    (no_name(socket.EAI_AGAIN), "the name server did not answer"),
    *[(aiohttp.ClientConnectorError(KEY, OSError(code, SECRET)), words) for code, words in CONNECTION.items()],
    *[(aiohttp.ClientOSError(code, SECRET), words) for code, words in CONNECTION.items()],
    (aiohttp.ClientConnectorError(KEY, OSError(errno.ENOBUFS, SECRET)), "ENOBUFS"),
    (aiohttp.ClientConnectorError(KEY, OSError(f"Multiple exceptions: {SECRET}")), "no connection"),
    *[(certificate(code), f"TLS: {words}") for code, words in CERTIFICATE.items()],
    (certificate(28), "TLS: certificate not valid (X509_V_ERR 28)"),
    (aiohttp.ClientConnectorCertificateError(KEY, ValueError(SECRET)), "TLS: certificate not valid (X509_V_ERR 0)"),
    (aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, SECRET)), "TLS: no handshake"),
    (aiohttp.ConnectionTimeoutError(SECRET), "no connection in time"),
    (aiohttp.SocketTimeoutError(SECRET), "no byte for too long"),
    (TimeoutError(SECRET), "the deadline passed"),
    (LOST, "the connection ended before the answer did"),
    (caused(aiohttp.ClientConnectionError(), LOST), "the connection ended before the answer did"),
    (aiohttp.ClientPayloadError(SECRET), "the body is broken"),
    (caused(aiohttp.ClientPayloadError(SECRET), TransferEncodingError(SECRET)), "the body is broken"),
    (caused(aiohttp.ClientPayloadError(SECRET), ContentLengthError(SECRET)), "fewer bytes came than announced"),
    (aiohttp.ClientResponseError(REQUEST, (), status=400, message=SECRET), NOT_HTTP),
    (BadStatusLine(SECRET), NOT_HTTP),
    (aiohttp.InvalidURL(SECRET), "InvalidURL"),
]


@pytest.mark.parametrize(("error", "words"), WORDS, ids=lambda value: type(value).__name__)
def test_in_words(error: BaseException, words: str) -> None:
    assert in_words(error) == words
    assert SECRET not in words
