"""Runs a real nginx with the shipped configuration, on free ports; nothing else of the file is changed.

    with Nginx(storage=recorder.address, filters=[one, two], callbacks=[...]) as nginx:
        ask(nginx.address, "GET", ...)     as Lemmy         nginx.hook     as pict-rs
    with Nginx(storage=recorder.address, text=STRAIGHT):    nginx alone, to compare with

Rules this file keeps: every address of the file is told where it leads, or the start fails; nothing survives a test
run, however that ends (one process, which the kernel ends with its parent).
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.ports import free_port
from tests.running import repository

Address = tuple[str, int]

SHIPPED: Final = repository() / "docker" / "nginx" / "pictrs-filter.conf"
STORAGE, LEMMY, PICTRS = 8080, 8090, 8091
"""Ports in the shipped file: pict-rs, and where nginx listens for Lemmy and for pict-rs."""
FILTERS: Final = ((8081, 8082), (8085, 8086))
"""Of each filter (listen, callback.listen). The lines of all but the first are comments in the file."""
START_SECONDS = 30.0  # it takes a tenth of one

STRAIGHT: Final = f"""
upstream pictrs-storage {{
    server 127.0.0.1:{STORAGE};
    keepalive 32;
    keepalive_timeout 4s;
}}
server {{
    listen 127.0.0.1:{LEMMY};
    access_log off;
    proxy_http_version 1.1;
    proxy_buffer_size 16k;
    proxy_buffers 8 32k;
    proxy_set_header Connection "";
    location / {{
        proxy_pass http://pictrs-storage;
    }}
}}
"""
"""nginx that passes everything on to pict-rs, with the same buffers: what the shipped file is measured against."""

FRAME: Final = """
daemon off;
master_process off;
pcre_jit on;
pid {folder}/pid;
error_log {folder}/error.log notice;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/pictrs-filter.conf;
}}
"""


def available() -> str | None:
    """None when nginx can be run; else what is missing and how to get it."""
    if program() is None:
        return "no nginx: apt-get install nginx-light"
    return None if shutil.which("setpriv") else "no setpriv: apt-get install util-linux"


def program() -> str | None:
    """Where nginx is; Debian has it in a folder that is not on every user's PATH."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def version() -> str | None:
    """Of the nginx that `program` finds, as `1.22.1`; None without one."""
    found = program()
    if found is None:
        return None
    done = subprocess.run([found, "-v"], capture_output=True, text=True, check=True)
    return done.stderr.strip().rpartition("/")[2]


class Nginx:
    """One running nginx. Use it in `with`. `storage` is pict-rs; `callbacks` go with `filters`, one each, or none.

    `hook` is where it is to listen for pict-rs, which may have been told before.
    """

    def __init__(
        self,
        storage: Address,
        filters: Sequence[Address] = (),
        callbacks: Sequence[Address] = (),
        text: str | None = None,
        hook: Address | None = None,
    ) -> None:
        self.address: Address = ("127.0.0.1", free_port())
        self.hook: Address = hook or ("127.0.0.1", free_port())
        places = {STORAGE: storage, LEMMY: self.address, PICTRS: self.hook}
        nowhere = ("127.0.0.1", 9)  # the discard port, on which nothing listens
        for number, (listen, callback) in enumerate(FILTERS):
            places[listen] = filters[number] if number < len(filters) else nowhere
            places[callback] = callbacks[number] if number < len(callbacks) else nowhere
        self.text = placed(SHIPPED.read_text() if text is None else text, places, max(1, len(filters)))

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="pictrs-filter-nginx-")
        folder = Path(self._folder.name)
        (folder / "pictrs-filter.conf").write_text(self.text)
        (folder / "nginx.conf").write_text(FRAME.format(folder=folder))
        with (folder / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """The process; there is one."""
        return self._process.pid

    @property
    def logged(self) -> str:
        """All that it has written so far, to its log and to standard error."""
        files = (Path(self._folder.name, name) for name in ("error.log", "stderr"))
        return "".join(file.read_text() for file in files if file.exists())

    def check(self) -> str:
        """What `nginx -t` says of the configuration that runs. Raises CalledProcessError when that is not good."""
        done = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, check=True)
        return done.stderr

    def _command(self) -> list[str]:
        return [program() or "nginx", "-p", self._folder.name, "-c", f"{self._folder.name}/nginx.conf"]

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        while True:
            if self._process.poll() is not None:
                raise RuntimeError(f"nginx did not start: {self.logged}")
            try:
                socket.create_connection(self.address, 1.0).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)


def placed(text: str, places: Mapping[int, Address], filters: int) -> str:
    """The file with other addresses in place of 127.0.0.1:PORT, and with so many filters in it."""
    for listen, callback in FILTERS[1:filters]:
        text, found = re.subn(rf"# (server 127\.0\.0\.1:(?:{listen}|{callback});)", r"\1", text)
        assert found == 2, "the lines of one more filter"
    return re.sub(r"127\.0\.0\.1:(808\d|809\d)", lambda found: "{}:{}".format(*places[int(found[1])]), text)
