"""A machine with systemd: Debian 13, booted in a container, with a real pict-rs and this checkout's filter on it.

    with Machine(folder) as machine:
        machine.run("systemctl start pictrs-filter")      as root, in the checkout (/src); raises for an exit code
        machine.python(SCRIPT)                            the same, in the filter's own Python

The program lies where the page puts it, /opt/pictrs-filter, as a virtual environment made of this one's packages and
of this checkout, both read-only; `pip install` is not run. The container has the rights that systemd takes, and a
cgroup v2 of its own, on machines that still have v1 too. Nothing of it is left afterwards.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.pictrs import API_KEY
from tests.running import repository

PICTRS: Final = "asonix/pictrs:0.5.25"
IMAGE: Final = "pictrs-filter-tests:systemd"
DOCKERFILE: Final = rf"""
FROM {PICTRS}
USER 0:0
RUN apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    systemd procps libseccomp2 libffi8 libsqlite3-0 libreadline8t64 libbz2-1.0 >/dev/null && \
    rm -rf /var/lib/apt/lists/* && systemctl mask systemd-modules-load.service
RUN printf '#!/bin/sh\numount -R /sys/fs/cgroup\nmount -t cgroup2 none /sys/fs/cgroup && exec /lib/systemd/systemd\n' \
    >/boot.sh && chmod 755 /boot.sh
ENTRYPOINT ["/boot.sh"]
"""
RIGHTS: Final = (
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"),  # which machines that are containers themselves may not give
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined", "--cgroupns", "private"),
    *("--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp", "--env", "container=docker"),
    *("--volume", "/var/lib"),  # a disk, where a container's own layer would be gone after a restart
    *("--sysctl", "net.ipv4.tcp_syn_retries=1"),  # who cannot connect finds out after 3 seconds, and not after minutes
)
"""What systemd needs of a container (https://systemd.io/CONTAINER_INTERFACE/); less than --privileged."""
BOOT_SECONDS: Final = 60.0
"""It takes two."""
COMMAND: Final = """#!/opt/pictrs-filter/bin/python
import sys
sys.path.insert(0, "/opt/pictrs-filter/checkout")
from addons.admin.cli import main
sys.exit(main())
"""
PICTRS_UNIT: Final = f"""
[Service]
ExecStart=/usr/local/bin/pict-rs run
User=nobody
StateDirectory=pict-rs
Environment=PICTRS__STORE__PATH=/var/lib/pict-rs/files PICTRS__REPO__PATH=/var/lib/pict-rs/sled
Environment=PICTRS__OLD_REPO__PATH=/var/lib/pict-rs/old PICTRS__SERVER__API_KEY={API_KEY}
"""
"""pict-rs as its admin may have it: on all addresses, with the internet."""


def _docker(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], input=given, capture_output=True, text=True, check=False)


def available() -> str | None:
    """None when a machine can be booted; else what is missing and how to get it."""
    if os.geteuid() != 0:
        return "not root: a container with systemd's rights is started"
    if shutil.which("docker") is None or _docker("info").returncode != 0:
        return "no Docker engine: run .ci/engine as root"
    if _docker("image", "inspect", PICTRS).returncode != 0:
        return f"no image {PICTRS}: run .ci/real-pictrs, then .ci/engine, as root"
    return None


class Machine:
    """Use it in `with`: booted then, and gone afterwards. `folder` is where its /opt/pictrs-filter is put together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"pictrs-filter-systemd-{os.getpid()}"

    def __enter__(self) -> Self:
        built = _docker("build", "--quiet", "--network", "host", "--tag", IMAGE, "-", given=DOCKERFILE)
        assert built.returncode == 0, built.stderr
        started = _docker("run", "--detach", "--rm", "--name", self.name, *RIGHTS, *self._mounts(), IMAGE)
        assert started.returncode == 0, started.stderr
        try:
            self._booted()
            self.run("ldconfig")
            self.run("cat > /etc/systemd/system/pict-rs.service", PICTRS_UNIT)
            self.run("systemctl daemon-reload && systemctl start pict-rs")
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        _docker("rm", "--force", "--volumes", self.name)

    def _mounts(self) -> list[str]:
        base, packages, checkout = Path(sys.base_prefix), Path(sysconfig.get_path("purelib")), repository()
        name = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site = f"lib/{name}/site-packages"
        mounts = {base: "/opt/python", packages: f"/opt/pictrs-filter/{site}", checkout: "/src"}
        for each in ("bin", site, "checkout"):
            (self.folder / each).mkdir(parents=True)
        for each in ("addons", "model", "config"):
            (self.folder / "checkout" / each).mkdir()
            mounts[checkout / each] = f"/opt/pictrs-filter/checkout/{each}"
        (self.folder / "bin" / "python").symlink_to(f"/opt/python/bin/{name}")
        (self.folder / "pyvenv.cfg").write_text("home = /opt/python/bin\ninclude-system-site-packages = false\n")
        (self.folder / "bin" / "pictrs-filter").write_text(COMMAND)
        (self.folder / "bin" / "pictrs-filter").chmod(0o755)
        self.folder.chmod(0o755)
        words = ["--volume", f"{self.folder}:/opt/pictrs-filter"]
        for where, there in mounts.items():
            words += ["--volume", f"{where.resolve()}:{there}:ro"]
        if base != Path("/usr") and (shared := next((base / "lib").glob(f"lib{name}.so*"), None)):
            words += ["--volume", f"{shared.resolve()}:/usr/local/lib/{shared.resolve().name}:ro"]
        return words

    def _booted(self) -> None:
        """Wait until everything is started that starts at boot."""
        until = time.monotonic() + BOOT_SECONDS
        while (state := self.told("systemctl is-system-running --wait").strip()) != "running":
            failed = self.told("systemctl --failed --no-legend")
            assert state in ("", "offline"), f"systemd is {state}: {failed}"
            assert time.monotonic() < until, _docker("logs", self.name)
            time.sleep(0.1)

    def try_(self, script: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A shell script as root, in the checkout, which ends at the first command that fails."""
        return _docker("exec", "--interactive", "--workdir", "/src", self.name, "sh", "-euc", script, given=given)

    def told(self, script: str) -> str:
        """What it prints, whatever its exit code."""
        return self.try_(script).stdout

    def run(self, script: str, given: str = "") -> str:
        """What it prints; raises AssertionError with the journal's end when it fails."""
        done = self.try_(script, given)
        journal = "" if done.returncode == 0 else self.told("journalctl --no-pager --output cat --lines 60")
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}\n{journal}"
        return done.stdout

    def python(self, script: str) -> str:
        """What a Python script prints there; raises AssertionError when it fails."""
        return self.run("/opt/pictrs-filter/bin/python -", script)

    def show(self, unit: str, *properties: str) -> dict[str, str]:
        """Properties of a unit, as systemd has them."""
        said = self.run(f"systemctl show {unit} --property {','.join(properties)}")
        return dict(line.partition("=")[::2] for line in said.splitlines())
