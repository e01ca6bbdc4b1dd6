"""What the figures were taken with, for they hold for nothing else: the machine, its load, and the versions."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from model.cores import cores

PACKAGES = ("pictrs-filter", "mitmproxy", "torch", "timm", "onnxruntime", "pillow", "numpy")
"""Those that the figures depend on. What is not installed is left out."""


@dataclass(frozen=True)
class Machine:
    """`cores` are those that this process may use, which a container can make fewer than there are."""

    cpu: str
    cores: int
    memory_mib: int
    system: str

    @property
    def words(self) -> str:
        """For people, on one line."""
        count = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.cpu}, {count}, {self.memory_mib} MiB, {self.system}"


def machine() -> Machine:
    """This machine. What the system does not tell is 0, or a general name."""
    cpu = _found(r"^model name\s*: (.+)$", "/proc/cpuinfo") or platform.processor() or platform.machine()
    memory = _found(r"^MemTotal:\s*([0-9]+) kB$", "/proc/meminfo")
    return Machine(cpu, cores(), int(memory or 0) // 1024, platform.platform(terse=True))


def load_average() -> float:
    """How many programs wanted a core, on average over the last minute."""
    return round(os.getloadavg()[0], 2)


def versions() -> dict[str, str]:
    """Version by name, of Python and PACKAGES."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _found(pattern: str, file: str) -> str | None:
    try:
        found = re.search(pattern, Path(file).read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None
