"""`pictrs-filter healthcheck`: does the filter that runs here answer? For containers, which have no curl.

It asks the internal port, or where that is off the port that Lemmy asks. Nothing but the standard library is needed
beside the settings, so it is done in half a second.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading

from addons.admin.files import printable
from config.settings import Settings

SECONDS = 4.0
"""For an answer; Docker waits for 5 (docker/Dockerfile). A filter that takes longer to say a word serves nobody."""
_MOST = 500
"""Characters of an answer that are shown."""
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound


def healthcheck(settings: Settings, *, ready: bool) -> int:
    """Ask once and say in one line what was seen. Gives the exit code: 0 well.

    Without `ready` whoever answers is well, a filter that loads its model too. With it, one that can judge.
    """
    internal = settings.admin.address
    host, port = internal or settings.listen_address
    path = "/readyz" if internal and ready else "/healthz"
    host = _ANY.get(host, host)
    asked = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    try:
        status, said = _ask(host, port, path)
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer from {asked}: {printable(str(error)) or type(error).__name__}")
        return 1
    # pict-rs 0.3 has no /healthz: what it says of that came through a filter that is ready. An error of the filter's
    # own, or of a pict-rs that is down, is a 5xx.
    well = status == 200 if internal else not ready or status < 500
    print(f"{'ready' if ready and well else 'alive' if well else 'not well'}: {asked} answers {status}, {said}")
    return 0 if well else 1


def _ask(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and the words of the answer in one line. OSError and HTTPException where there is none.

    SECONDS are for all of it: who says one byte a second would else be listened to for ever.
    """
    late = threading.Event()
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    connection.connect()
    timer = threading.Timer(SECONDS, _hang_up, (connection.sock, late))
    timer.start()
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        words = reply.read(_MOST).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        if late.is_set():
            raise TimeoutError("timed out") from None
        raise
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():  # what was read is a part of it
        raise TimeoutError("timed out")
    return reply.status, printable("; ".join(words.split("\n")).rstrip("; ")) or "without a word"


def _hang_up(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)
