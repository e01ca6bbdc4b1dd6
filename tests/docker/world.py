"""The internet of a test: a network namespace with a web server in it, behind this machine as the world is.

    with World(files) as world:
        world.url("/cat.jpg")       what containers with a way out can fetch
        world.asked                 (path, user agent) of each request so far

Its `address` looks public to the filter, which fetches from no other; it is routed on this machine alone. Containers
get there as they get anywhere: through the engine's bridge, forwarded and masqueraded. Needs root.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

SERVER: Final = """
import http.server, json, pathlib, socketserver, sys, urllib.parse
folder = pathlib.Path(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        with (folder / "asked").open("a") as log:
            log.write(json.dumps([self.path, self.headers.get("User-Agent", "")]) + "\\n")
        found = folder / "files" / path.strip("/")
        if found.is_file():
            self.send_response(200)
            body = found.read_bytes()
            self.send_header("Content-Type", "image/png" if body.startswith(b"\\x89") else "image/jpeg")
        else:
            self.send_response(404)
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
server = Server((sys.argv[2], 80), Handler)
print("ready", flush=True)
server.serve_forever()
"""


def ip(*words: str) -> None:
    """Run `ip`; raises CalledProcessError."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


class World:
    """A machine in the world that has `files` (path without slash: bytes)."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        net, host = divmod(secrets.randbelow(1 << 14) * 4, 256)
        self._name = f"pf-w-{net}-{host}"  # an interface has at most 15 letters (IFNAMSIZ)
        # Two addresses of a network of 4. 11.0.0.0/8 is not announced: nothing of the internet is hidden by it.
        self._here, self.address = (f"11.22.{net}.{host + own}" for own in (1, 2))

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="pictrs-filter-world-")
        folder = Path(self._folder.name)
        (folder / "files").mkdir()
        for name, data in self._files.items():
            (folder / "files" / name).write_bytes(data)
        try:
            ip("netns", "add", self._name)
            ip("link", "add", self._name, "type", "veth", "peer", "name", "eth0", "netns", self._name)
            ip("address", "add", f"{self._here}/30", "dev", self._name)
            ip("link", "set", self._name, "up")
            ip("-n", self._name, "address", "add", f"{self.address}/30", "dev", "eth0")
            ip("-n", self._name, "link", "set", "eth0", "up")
            ip("-n", self._name, "link", "set", "lo", "up")
            ip("-n", self._name, "route", "add", "default", "via", self._here)
            inside = ["ip", "netns", "exec", self._name, "setpriv", "--pdeathsig", "KILL"]
            self._server = subprocess.Popen(
                [*inside, sys.executable, "-c", SERVER, str(folder), self.address], stdout=subprocess.PIPE, text=True
            )
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == "ready\n"
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_server"):
            self._server.kill()
            self._server.wait()
            assert self._server.stdout is not None
            self._server.stdout.close()
        subprocess.run(["ip", "netns", "delete", self._name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self._name], check=False, capture_output=True)
        self._folder.cleanup()

    def url(self, path: str) -> str:
        """How the world calls it."""
        return f"http://{self.address}{path}"

    @property
    def asked(self) -> list[tuple[str, str]]:
        """(request target, user agent) of each request so far."""
        log = Path(self._folder.name, "asked")
        return [tuple(json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []
