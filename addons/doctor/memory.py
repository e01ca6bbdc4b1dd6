"""Check `memory`: is there enough of it for what the settings let be in hand at once, and are there files enough?

What counts is the least of: the machine's memory, and the limits of each control group that this process is in
(version 2: memory.max; version 1: memory.limit_in_bytes), which in a container are `mem_limit:` of its compose file.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

from addons.connections import PER_REQUEST
from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.patient import Patient
from addons.launcher import FILES_BESIDES, FILES_PER_REQUEST
from config.load import Config
from config.media import MIB

NAME = "memory"
PROGRAM_MIB = 1100
"""MiB of the filter with the embedded model on a CPU, measured: 1.1 GB, of which 0.75 are its own and the rest are
files of torch and onnxruntime, which the kernel can drop and read again."""
DECODER_MIB = 150
"""MiB of a decoder, measured: 80 at rest, 136 after a photograph of 12 megapixels. `memory_mib` is the limit."""
COPIES = 3
"""Of what is in hand (overload.media_mib): what came, what is sent on, and as much for what pict-rs wants validated."""
CGROUPS = Path("/sys/fs/cgroup")
UNLIMITED = 2**60
"""More than any machine has: version 1 writes its largest number for no limit."""
ENDED = "When it is full the kernel ends the filter or a decoder, and what was in hand is refused."


async def memory(patient: Patient) -> list[Finding]:
    """Whether memory and open files suffice for the settings."""
    found = [*_memory(patient.config), *_files(patient.config)]
    if found:
        return found
    most, where = least()
    wanted = _wanted(patient.config)
    return [Finding(NAME, Severity.OK, f"{most // MIB} MiB ({where}), about {wanted} are needed when much is in hand")]


def least(root: Path = CGROUPS, membership: str | None = None) -> tuple[int, str]:
    """(bytes, by what) of the memory that this process may use: that of the machine, or a smaller limit.

    `root` is where control groups are mounted, `membership` what /proc/self/cgroup says.
    """
    found = [(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), "of the machine")]
    if membership is None:
        membership = _read(Path("/proc/self/cgroup"))
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers == "":
            folders, name = [root, root / "unified"], "memory.max"
        elif "memory" in controllers.split(","):
            folders, name = [root / controllers, root / "memory"], "memory.limit_in_bytes"
        else:
            continue
        for folder in folders:
            found += [(limit, str(path)) for path, limit in _limits(folder, group, name)]
    return min(found)


def _limits(folder: Path, group: str, name: str) -> Iterator[tuple[Path, int]]:
    """The limits of a group and of all above it. In a container the group's own path may lead nowhere."""
    here = folder / group.strip("/")
    for place in (here, *here.parents):
        if not place.is_relative_to(folder):
            return
        text = _read(place / name).strip()
        if re.fullmatch("[0-9]+", text) and int(text) < UNLIMITED:
            yield place / name, int(text)


def _wanted(config: Config) -> int:
    """MiB, when as much is in hand as may be."""
    settings = config.settings
    return PROGRAM_MIB + COPIES * settings.overload.media_mib + settings.decoder.processes * DECODER_MIB


def _memory(config: Config) -> Iterator[Finding]:
    lines, (most, where), wanted = Lines(config), least(), _wanted(config)
    if most >= wanted * MIB:
        return
    settings = config.settings
    base = wanted - COPIES * settings.overload.media_mib
    what = f"{most // MIB} MiB of memory ({where}), and about {wanted} are needed when much is in hand"
    raised = f"give it more (`mem_limit: {wanted}m` at the filter in the compose file)"
    smallest = settings.limits.max_request_mib
    room = (most // MIB - base) // COPIES
    if room >= smallest:
        cure = f"{raised}, or {lines.change('overload', 'media_mib', to=str(room))}"
        yield Finding(NAME, Severity.WARNING, what, ENDED, cure)
    else:
        least_mib = base + COPIES * smallest
        what += f", {least_mib} at the least"
        severity = Severity.ERROR if most // MIB < PROGRAM_MIB else Severity.WARNING
        cure = f"{raised}, and {lines.change('overload', 'media_mib', to=str(smallest))}"
        yield Finding(NAME, severity, what, ENDED, cure)


def _files(config: Config) -> Iterator[Finding]:
    requests = config.settings.overload.requests
    each = PER_REQUEST + FILES_PER_REQUEST
    wanted = requests * each + FILES_BESIDES
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        return
    fewer = max(4, (hard - FILES_BESIDES) // each)
    cure = (
        f"raise it (systemd: `LimitNOFILE={wanted}`; compose, at the filter: `ulimits: {{nofile: {wanted}}}`), "
        f"or {Lines(config).change('overload', 'requests', to=str(fewer))}"
    )
    what = f"this process may open {hard} files, and {wanted} may be needed (overload.requests: {requests})"
    yield Finding(NAME, Severity.WARNING, what, "In a flood connections break off in place of a 503.", cure)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
