"""Runs the real pict-rs for tests: in its Debian tree, by chroot, on a free loopback port, with a store of its own.

`.ci/real-pictrs` builds what is needed. Rules this file keeps: nothing waits by sleeping (pict-rs's own log line says
when it listens, the end of the log that it died); nothing survives a test run, however that ends (guardian.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.http1 import NO_HEADERS, ask
from tests.ports import free_port

VERSIONS = ("0.5.25", "0.6.0-rc.6", "0.4.8", "0.3.0-alpha.42")
"""One of each line that still builds, the one in use today first: among them is all that Lemmy 0.13 to 1.0 uses."""

API_KEY = "key-of-the-real-pict-rs"
PROGRAM_USER = 991  # pict-rs's own images run as 991:991; root is only needed for chroot
START_SECONDS = 30.0  # it takes 0.1 s; a machine at its limits may need more
ANSI = re.compile(r"\x1b\[[0-9;]*m")
GUARDIAN = Path(__file__).with_name("guardian.py")


def cache() -> Path:
    """The folder that .ci/real-pictrs fills."""
    return Path(os.environ.get("PICTRS_FILTER_REAL") or Path.home() / ".cache" / "pictrs-filter").absolute()


def available(version: str | None = None) -> str | None:
    """None when the real pict-rs (this version, or every one) can be run; else what is missing and how to get it."""
    rootfs = cache() / "rootfs"
    if not (rootfs / ".complete").exists():
        return f"no Debian tree in {rootfs}: run .ci/real-pictrs as root"
    for each in VERSIONS if version is None else (version,):
        if not os.access(rootfs / "pict-rs" / each, os.X_OK):
            return f"no pict-rs {each} in {rootfs}: run .ci/real-pictrs {each} as root"
    if os.geteuid() != 0:
        return "chroot needs root: run the tests as root, after .ci/real-pictrs as root"
    return None


def required() -> bool:
    """Whether missing parts fail the tests instead of skipping them."""
    return os.environ.get("PICTRS_FILTER_REAL_REQUIRED") == "1"


def _start_04(folder: str, host: str, port: int) -> tuple[list[str], dict[str, str]]:
    return ["run"], {
        "PICTRS__SERVER__ADDRESS": f"{host}:{port}",
        "PICTRS__SERVER__API_KEY": API_KEY,
        "PICTRS__STORE__PATH": f"{folder}/files",
        "PICTRS__REPO__PATH": f"{folder}/repo",
        "PICTRS__REPO__EXPORT_PATH": f"{folder}/exports",
        "PICTRS__OLD_DB__PATH": f"{folder}/old",
    }


def _start_05(folder: str, host: str, port: int) -> tuple[list[str], dict[str, str]]:
    return ["run"], {
        "PICTRS__SERVER__ADDRESS": f"{host}:{port}",
        "PICTRS__SERVER__API_KEY": API_KEY,
        "PICTRS__SERVER__TEMPORARY_DIRECTORY": f"{folder}/tmp",
        "PICTRS__STORE__PATH": f"{folder}/files",
        "PICTRS__REPO__PATH": f"{folder}/repo",
        "PICTRS__REPO__EXPORT_PATH": f"{folder}/exports",
        "PICTRS__OLD_REPO__PATH": f"{folder}/old",
        "PICTRS__TRACING__LOGGING__LOG_REQUESTS": "true",
    }


def _start_06(folder: str, host: str, port: int) -> tuple[list[str], dict[str, str]]:
    return ["run"], {
        "PICTRS__SERVER__ADDRESS": f"{host}:{port}",
        "PICTRS__SERVER__API_KEY": API_KEY,
        "PICTRS__SERVER__TEMPORARY_DIRECTORY": f"{folder}/tmp",
        "PICTRS__STORE__PATH": f"{folder}/files",
        "PICTRS__REPO__TYPE": "fjall",  # its default
        "PICTRS__REPO__FJALL_PATH": f"{folder}/repo",
        "PICTRS__TRACING__LOGGING__LOG_REQUESTS": "true",
    }


def _start_03(folder: str, host: str, port: int) -> tuple[list[str], dict[str, str]]:
    return ["-a", f"{host}:{port}", "-p", folder], {"PICTRS_API_KEY": API_KEY}  # it makes `files` below its path


START = {"0.3": _start_03, "0.4": _start_04, "0.5": _start_05, "0.6": _start_06}


class RealPictrs:
    """One running pict-rs. Use it in `with`; at the end the program is dead and its folder is gone."""

    api_key = API_KEY

    def __init__(self, version: str = VERSIONS[0], environment: Mapping[str, str] = NO_HEADERS) -> None:
        self.version = version
        self.environment = dict(environment)
        self.address = ("127.0.0.1", 0)
        self._lines: list[str] = []
        self._spoke = threading.Event()  # it listens, or it ended
        self.ended = threading.Event()  # it, and all that it started, is dead

    @property
    def url(self) -> str:
        """`http://host:port`, without a slash at the end."""
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def line(self) -> str:
        """The first two numbers of the version, such as `0.5`: what decides how it behaves."""
        return ".".join(self.version.split(".")[:2])

    @property
    def log(self) -> str:
        """All that it wrote so far, without colours."""
        return ANSI.sub("", "".join(self._lines))

    @property
    def pid(self) -> int:
        """Process id of the guardian, whose only child pict-rs is."""
        return self._guardian.pid

    def stored_files(self) -> dict[str, str]:
        """Path below the media store -> SHA-256 (hex), for every file that is in the store now.

        To show that nothing came in, look for new ones: 0.5 removes files in the background, so old ones may go.
        Raises RuntimeError when pict-rs is dead: "nothing was stored" must not be what a dead program shows.
        """
        if self.ended.is_set():
            raise RuntimeError(f"pict-rs {self.version} has ended:\n{self.log}")
        store, found = self.folder / "files", {}
        for folder, _, names in os.walk(store):  # which does not mind that pict-rs cleans up in the background
            for path in (Path(folder, name) for name in names):
                with contextlib.suppress(FileNotFoundError):
                    found[path.relative_to(store).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
        return found

    def alias_table(self) -> dict[str, list[str]] | None:
        """Hash of a stored medium (hex) -> its aliases, for all that is stored; None before 0.5, which cannot tell.

        To show that nothing changed, compare before and after: 0.5 and later can list it, by /internal/hashes. Which
        proxied URL belongs to which alias no version tells. Raises RuntimeError when pict-rs does not list it whole.
        """
        if self.line in ("0.3", "0.4"):
            return None
        answer = ask(self.address, "GET", "/internal/hashes?limit=10000", headers={"X-Api-Token": self.api_key})
        if answer.status != 200 or "next" in answer.json()["page"]:
            raise RuntimeError(f"pict-rs {self.version}, its hashes: {answer.status} {answer.body[:500]!r}")
        hashes = answer.json()["page"]["hashes"]
        # One without aliases is on its way out, in the background.
        return {each["hex"]: sorted(each["aliases"]) for each in hashes if each["aliases"]}

    def __enter__(self) -> Self:
        if reason := available(self.version):
            raise RuntimeError(reason)
        for _ in range(3):  # another program can take the free port before pict-rs does
            self._start()
            try:
                if self._spoke.wait(START_SECONDS) and not self.ended.is_set():
                    ask(self.address, "GET", "/healthz", timeout=START_SECONDS)
                    return self
            except BaseException:
                self._stop()
                raise
            self._stop()
            if "Address already in use" not in self.log:
                break
        raise RuntimeError(f"pict-rs {self.version} did not start:\n{self.log}")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        rootfs = cache() / "rootfs"
        self.address = ("127.0.0.1", free_port())
        self.folder = Path(tempfile.mkdtemp(prefix="pict-rs-", dir=rootfs / "srv"))
        (self.folder / "tmp").mkdir()
        for path in (self.folder, self.folder / "tmp"):
            os.chown(path, PROGRAM_USER, PROGRAM_USER)
        inside = f"/{self.folder.relative_to(rootfs)}"
        arguments, environment = START[self.line](inside, *self.address)
        common = {"PATH": "/usr/bin:/bin", "HOME": inside, "TMPDIR": f"{inside}/tmp"}
        order = {
            "rootfs": str(rootfs),
            "folder": str(self.folder),
            "user": PROGRAM_USER,
            "command": [f"/pict-rs/{self.version}", *arguments],
            "environment": common | environment | self.environment,
        }
        self._lines.clear()
        self._spoke.clear()
        self.ended.clear()
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", str(GUARDIAN), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests; the guardian sees them go
            text=True,
            errors="replace",
        )
        assert self._guardian.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._guardian.stdout,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        listening = (
            f"actix-web-service-{self.address[0]}:{self.address[1]}",
            "starting in Actix runtime",  # all that 0.4 says; its port is open by then
        )
        for line in stream:
            self._lines.append(line)
            if any(each in line for each in listening):
                self._spoke.set()
        self.ended.set()
        self._spoke.set()

    def _stop(self) -> None:
        guardian = self._guardian
        assert guardian.stdin is not None
        assert guardian.stdout is not None
        guardian.stdin.close()
        try:
            guardian.wait(START_SECONDS)
        finally:
            guardian.kill()  # no effect on one that has ended; pict-rs goes with it, by PR_SET_PDEATHSIG
            guardian.wait()
            self._reader.join(START_SECONDS)
            guardian.stdout.close()
            shutil.rmtree(self.folder, ignore_errors=True)
