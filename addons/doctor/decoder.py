"""Check `decoder`: do the processes that decode start here, and are they really kept from files, network and programs?

A real decoder is started and says what confines it, as it does for the filter. Then another process confines itself the
same way and tries what a picture would try that has taken a decoder over (model/attempt.py).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.patient import Patient
from config.load import Config
from config.media import MIB, Confinement
from model.attempt import ATTEMPTS, refused
from model.barriers import LANDLOCK_OFF, NO_LANDLOCK, NO_LIBSECCOMP, NO_SECCOMP, in_force
from model.child import COMMAND, ENVIRONMENT, START_SECONDS, Child
from model.errors import DecoderFailed
from model.job import Job, PictureLimits

NAME = "decoder"
ATTEMPT = (
    *COMMAND[:3],
    "import sys; sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); from model.attempt import main; main()",
    str(Path(__file__).resolve().parents[2]),
)
TAKEN_OVER = "A picture that takes a decoder over could {}."
LACKS = {
    NO_LANDLOCK: (
        "the kernel has no Landlock, or this container's seccomp profile does not permit it",
        "read files",
        "Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK; in a container an engine whose default seccomp profile has "
        "landlock_restrict_self (Docker Engine 20.10.24 has), and no `security_opt: [seccomp=FILE]` that lacks it",
    ),
    LANDLOCK_OFF: (
        "Landlock is in this kernel, and off",
        "read files",
        "add `landlock` to the list lsm= of the kernel's command line (/etc/default/grub: GRUB_CMDLINE_LINUX), as in "
        "lsm=landlock,lockdown,yama,integrity,apparmor,bpf, then `update-grub` and restart the machine",
    ),
    NO_SECCOMP: (
        "the kernel, or this container's own profile, does not take a seccomp filter",
        "reach the network and run programs",
        "Linux 4.14 or newer with CONFIG_SECCOMP_FILTER; in a container an engine whose profile has seccomp, as "
        "Docker's default has",
    ),
    NO_LIBSECCOMP: (
        "libseccomp or its Python package is missing",
        "reach the network and run programs",
        "run `apt-get install libseccomp2`; the Python package `pyseccomp` belongs to pictrs-filter's own",
    ),
}
"""A decoder's word (model.barriers) -> what is missing, what a taken-over decoder could do then, what to do."""


async def decoder(patient: Patient, command: Sequence[str] = COMMAND) -> list[Finding]:
    """What a real decoder says of its confinement, and how attempts to break out end. `command` is a decoder's argv."""
    config = patient.config
    try:
        words = await _words(config, command)
    except DecoderFailed as error:
        why = "Without decoders nothing is judged, and every upload is answered 503."
        cure = "run `pictrs-filter bench`, whose log says more; is memory or the number of processes limited too much?"
        return [Finding(NAME, Severity.ERROR, str(error), why, cure)]
    if lacking := list(_lacking(config, words)):
        return lacking
    tried = {name: refused(await _tried(config, name)) for name in ATTEMPTS}
    if all(tried.values()):
        said = f"decoders are confined by {in_force(words)}; refused to one, as tried here: {', '.join(tried)}"
        return [Finding(NAME, Severity.OK, said)]
    loose = ", ".join(
        f"{name} ({'it worked' if kept is False else 'not known'})" for name, kept in tried.items() if not kept
    )
    what = f"a decoder says that it is confined by {in_force(words)}, and was not refused: {loose}"
    cure = "report it with this line and what `uname -a` says, as SECURITY.md has it"
    return [Finding(NAME, Severity.ERROR, what, TAKEN_OVER.format("do that"), cure)]


async def _words(config: Config, command: Sequence[str]) -> tuple[str, ...]:
    """What a decoder says that confines it. Raises DecoderFailed when none can be started."""
    settings = config.settings
    limits = PictureLimits(*(getattr(settings.limits, name) for name in PictureLimits._fields))
    job = Job(limits, (), settings.limits.max_file_bytes, settings.decoder.memory_mib, settings.decoder.cpu_seconds)
    child = await Child.start(command, job)
    child.kill()
    await child.gone()
    return child.barriers


async def _tried(config: Config, name: str) -> int:
    """How a process ended that confined itself and tried that: its exit code, or minus the signal."""
    process = await asyncio.create_subprocess_exec(
        *ATTEMPT,
        name,
        str(config.settings.decoder.memory_mib * MIB),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            return await process.wait()
    except TimeoutError:
        return -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _lacking(config: Config, words: Sequence[str]) -> Iterator[Finding]:
    required = config.settings.decoder.confinement is Confinement.REQUIRED
    place = Lines(config).place("decoder", "confinement")
    for word in words:
        if word not in LACKS:
            continue
        what, could, cure = LACKS[word]
        if sys.platform != "linux":
            cure = "run the filter on Linux"
        then = f"{place}: `confinement: required`, so no decoder starts and every upload is answered 503."
        if not required:
            then = f"{place}: `confinement: best_effort`, so pictures are decoded all the same."
        severity = Severity.ERROR if required else Severity.WARNING
        yield Finding(NAME, severity, what, f"{TAKEN_OVER.format(could)} {then}", cure)
