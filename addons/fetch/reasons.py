"""What went wrong with a connection or an answer, in words for the log. Values in, values out.

Rule this file keeps: no URL, name or address gets into a reason. Messages of the libraries hold them ("Hostname
mismatch, certificate is not valid for ..."), so none is passed on: each sentence stands here, by class and number.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, HttpProcessingError

CONNECTION: Final = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ECONNRESET: "the connection was reset",
    errno.EPIPE: "the connection was reset",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ENETUNREACH: "there is no route to the network",
    errno.EACCES: "this machine's firewall forbids the connection",
    errno.EPERM: "this machine's firewall forbids the connection",
    errno.ETIMEDOUT: "the connection timed out",
    errno.EADDRNOTAVAIL: "this machine has no free port, or no address of that family",
    errno.EMFILE: "this process has too many open files",
    errno.ENFILE: "this machine has too many open files",
}

NAMES: Final = {
    socket.EAI_AGAIN: "the name server did not answer",
    socket.EAI_SYSTEM: "this machine has no name server that can be asked",
}

CERTIFICATE: Final = {
    # X509_V_ERR_*: openssl/x509_vfy.h, described in X509_STORE_CTX_get_error(3)
    2: "certificate of an unknown authority",
    9: "certificate not valid yet",
    10: "certificate expired",
    18: "certificate signed by itself",
    19: "certificate of an unknown authority",
    20: "certificate of an unknown authority",
    21: "certificate of an unknown authority",
    62: "certificate of another name",
    64: "certificate of another address",
}


def in_words(error: BaseException) -> str:
    """Say what an exception of aiohttp, or of the system below it, means; what is not known gives its class name."""
    if type(error) is aiohttp.ClientConnectionError and error.__cause__ is not None:
        return in_words(error.__cause__)  # it has nothing to say of its own
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return "no connection in time"
    if isinstance(error, aiohttp.SocketTimeoutError):
        return "no byte for too long"
    if isinstance(error, TimeoutError):
        return "the deadline passed"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NAMES.get(error.os_error.errno or 0, "the name has no address")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "TLS: " + _certificate(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "TLS: no handshake"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the connection ended before the answer did"
    if isinstance(error, aiohttp.ClientPayloadError):
        short = isinstance(error.__cause__, ContentLengthError)
        return "fewer bytes came than announced" if short else "the body is broken"
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        return "the answer is not well-formed HTTP, or a header of it is too long"
    if isinstance(error, OSError):
        return CONNECTION.get(error.errno or 0) or errno.errorcode.get(error.errno or 0, "no connection")
    return type(error).__name__


def _certificate(error: Exception) -> str:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    return CERTIFICATE.get(code, f"certificate not valid (X509_V_ERR {code})")
