"""The outside: a web server in a network of its own, to which this machine is the way, as it is to the internet.

What stands on this machine itself would not do: containers on an internal network reach it all the same.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from types import TracebackType
from typing import Self

SERVER = """
import http.server, sys
class Nothing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)
server = http.server.HTTPServer((sys.argv[1], 80), Nothing)
print("ready", flush=True)
server.serve_forever()
"""


def available() -> str | None:
    """None where networks can be made; else what is missing."""
    missing = [name for name in ("ip", "nsenter") if shutil.which(name) is None]
    return f"there is no {' and no '.join(missing)}: apt-get install iproute2 util-linux" if missing else None


class Beyond:
    """Use it in `with`; `url` is an address there, which answers 404."""

    def __init__(self) -> None:
        number = random.randrange(1 << 13)  # 198.18.0.0/15 is for tests of networks (RFC 2544)
        self._name = f"pfdoctor-{number}"
        net, host = divmod(number * 4, 256)
        self._here, self._there = (f"198.18.{net}.{host + own}" for own in (1, 2))
        self.url = f"http://{self._there}/nothing"

    def __enter__(self) -> Self:
        ip("netns", "add", self._name)
        try:
            ip("link", "add", self._name, "type", "veth", "peer", "name", "eth0", "netns", self._name)
            ip("addr", "add", f"{self._here}/30", "dev", self._name)
            ip("link", "set", self._name, "up")
            for each in (
                ("addr", "add", f"{self._there}/30", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
                ("route", "add", "default", "via", self._here),
            ):
                ip("-n", self._name, *each)
            inside = ["nsenter", f"--net=/var/run/netns/{self._name}", sys.executable, "-c", SERVER, self._there]
            self._server = subprocess.Popen(inside, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == "ready\n"
        except BaseException:
            ip("netns", "delete", self._name)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.kill()
        self._server.communicate()
        ip("netns", "delete", self._name)


def ip(*arguments: str) -> None:
    """Run it. Raises CalledProcessError."""
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
