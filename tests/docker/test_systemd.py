"""The service under a real systemd, by the commands of the page: it starts, judges, is confined, reloads, stops.

Once: systemd does not look at Python's version. The tests stand in the page's order and share the machine.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from addons.connections import PER_REQUEST
from addons.launcher import FILES_BESIDES, FILES_PER_REQUEST, FLUSH_SECONDS
from config.load import load
from tests.docker import machine as booted
from tests.docker.composed import DOCKER
from tests.docker.inside import FETCH, IN_HAND, LISTENING
from tests.docker.machine import Machine
from tests.docker.page import blocks, commands, section
from tests.pictrs import required

pytestmark = pytest.mark.once

PAGE = DOCKER / "systemd" / "README.md"
UNIT = DOCKER / "systemd" / "pictrs-filter.service"
SCORE = "1.2"
"""What the page says, of 10."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Booted, with the page's steps 2 and 3 done. Its first block of step 2 is for a GPU's absence, too."""
    if reason := booted.available():
        if required():
            pytest.fail(f"PICTRS_FILTER_REAL_REQUIRED=1, but {reason}", pytrace=False)
        pytest.skip(reason)
    service, _gpu, *_ = commands(PAGE, "2. The service")
    (behind,) = commands(PAGE, "3. pict-rs")
    with Machine(tmp_path_factory.mktemp("machine") / "opt") as running:
        running.run(behind)
        running.run(service)
        yield running


def listening(machine: Machine) -> dict[int, str]:
    """Port: address, as the kernel has them."""
    return {int(port): address for port, address in json.loads(machine.python(LISTENING)).items()}


def calls(word: str) -> set[str]:
    """The system calls that a word of SystemCallFilter stands for with this machine's systemd."""
    if not word.startswith("@"):
        return {word}
    told = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
    inside = [line.strip() for line in told.stdout.splitlines()[1:] if not line.strip().startswith("#")]
    return set().union(*(calls(each) for each in inside))


def test_systemd_has_no_fault_to_find(machine: Machine) -> None:
    assert machine.run("systemd-analyze verify /etc/systemd/system/pictrs-filter.service 2>&1") == ""
    assert re.match(r"systemd 257 ", machine.run("systemctl --version"))


def test_the_score_is_the_one_of_the_page(machine: Machine) -> None:
    said = machine.run("systemd-analyze security --no-pager pictrs-filter")
    assert f"Overall exposure level for pictrs-filter.service: {SCORE} OK" in said
    assert f"says {SCORE} (of 10; less is better)" in PAGE.read_text("utf-8")


def test_the_systemd_of_this_machine_agrees(tmp_path: Path) -> None:
    """Debian 12's 252 does not know `@sandbox`, and newer ones other things: the unit names what all of them know."""
    if shutil.which("systemd-analyze") is None:
        if required():
            pytest.fail("PICTRS_FILTER_REAL_REQUIRED=1, but there is no systemd-analyze", pytrace=False)
        pytest.skip("no systemd-analyze here: apt-get install systemd, for a second version")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/pictrs-filter/bin/pictrs-filter", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    score = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", copy],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f": {SCORE} OK" in score.stdout
    allowed: set[str] = set()
    for line in re.findall(r"(?m)^SystemCallFilter=(.*)$", UNIT.read_text()):
        named = set().union(*(calls(word) for word in line.lstrip("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    decoders = {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"}
    assert decoders | {"setpriority", "prlimit64", "memfd_create", "execve"} <= allowed
    assert not {"mount", "ptrace", "bpf", "setuid", "chown", "init_module"} & allowed


def test_start_returns_when_pictures_are_judged(machine: Machine) -> None:
    """The fixture started it, and nothing has waited since."""
    said = machine.show("pictrs-filter", "ActiveState", "Type", "StatusText", "NRestarts", "UnitFileState")
    assert said.pop("StatusText").startswith(
        "listening on 127.0.0.1:8081, upstream http://127.0.0.1:8080, model open-nsfw"
    )
    assert said == {"ActiveState": "active", "Type": "notify", "NRestarts": "0", "UnitFileState": "enabled"}
    ports = listening(machine)
    assert {ports[port] for port in (8080, 8081, 8082, 8083)} == {"0100007F"}, ports


def test_the_pages_verify(machine: Machine) -> None:
    verify, *_ = commands(PAGE, "5. Verify")
    selftest, doctor = verify.splitlines()
    assert "all is well" in machine.run(selftest)
    assert doctor == "pictrs-filter doctor"


def test_the_doctor_finds_nothing_but_what_the_page_leaves_so(machine: Machine) -> None:
    """Shadow mode, and the clock of a machine without a time service. All else is sound, or could not be looked at."""
    told = json.loads(machine.run("pictrs-filter doctor --quick --json"))
    worse = [each for each in told["findings"] if each["severity"] in ("warning", "error")]
    assert worse == []
    sound = {each["check"] for each in told["findings"] if each["severity"] == "ok"}
    assert {"state", "decoder", "upstream", "past-the-filter", "callback"} <= sound


def test_the_decoders_are_confined_in_the_confined_service(machine: Machine) -> None:
    journal = machine.run("journalctl --no-pager --unit pictrs-filter --output cat")
    assert re.search(r"decoders are confined by rlimits, landlock \d+, seccomp", journal)
    main = machine.show("pictrs-filter", "MainPID")["MainPID"]
    statuses = machine.run(f"for p in {main} $(pgrep -P {main}); do cat /proc/$p/status; done")
    processes = [
        dict(line.partition(":\t")[::2] for line in each.splitlines())
        for each in re.split("(?m)^(?=Name:)", statuses)[1:]
    ]
    assert len(processes) == 3  # the filter and decoder.processes
    for each in processes:
        assert {each[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert (each["NoNewPrivs"], each["Seccomp"]) == ("1", "2")
    filters = [int(each["Seccomp_filters"]) for each in processes]
    assert filters[1:] == [filters[0] + 1] * 2  # each decoder has one more: its own
    assert {each["Uid"].split()[0] for each in processes} == {machine.run("id -u pictrs-filter").strip()}


def test_it_writes_to_its_own_folders_alone(machine: Machine) -> None:
    kept = machine.run("find /var/lib/pictrs-filter /var/cache/pictrs-filter -printf '%p %m %u\\n'").split("\n")
    assert {"/var/lib/pictrs-filter 700 pictrs-filter", "/var/cache/pictrs-filter 700 pictrs-filter"} <= set(kept)
    assert "/var/lib/pictrs-filter/key 600 pictrs-filter" in kept
    assert not [each for each in kept if "Microsoft" in each]  # onnxruntime's account of its use: model/__init__.py
    elsewhere = (
        "find / -xdev -user pictrs-filter -not -path '/var/lib/pictrs-filter*' -not -path '/var/cache/pictrs-filter*'"
    )
    assert machine.run(f"{elsewhere} -not -path '/proc/*' -not -path '/sys/*'") == ""


def test_its_limits_fit_what_the_filter_does(machine: Machine) -> None:
    settings = load(DOCKER / "systemd" / "filter.yaml").settings
    said = machine.show("pictrs-filter", "TimeoutStopUSec", "LimitNOFILE", "LimitCORE", "OOMPolicy")
    assert said.pop("TimeoutStopUSec") == "20s"
    assert settings.deadline_seconds + 2 * FLUSH_SECONDS < 20
    needed = settings.overload.requests * (PER_REQUEST + FILES_PER_REQUEST) + FILES_BESIDES
    assert int(said.pop("LimitNOFILE")) >= needed
    assert said == {"LimitCORE": "0", "OOMPolicy": "continue"}
    assert "may be needed: lower overload.requests" not in machine.run("journalctl --no-pager --unit pictrs-filter")


def test_pictrs_has_no_way_out(machine: Machine) -> None:
    """It may ask whoever is on 127.0.0.1 (it was told so, for the filter) and nobody else."""
    reached, (status, body) = json.loads(machine.python(FETCH))
    assert reached == 200
    assert status == 500, body
    assert json.loads(body)["code"] == "http-client-error"


def test_enforcing_is_one_line_and_a_reload(machine: Machine) -> None:
    *_, enforce = commands(PAGE, "5. Verify")
    before = machine.show("pictrs-filter", "MainPID")
    machine.run(enforce)
    said = machine.run(
        "timeout 60 journalctl --unit pictrs-filter --follow --output cat --lines all | grep -m1 'in force'"
    )
    assert "mode enforce" in said
    assert machine.show("pictrs-filter", "MainPID", "ActiveState") == before | {"ActiveState": "active"}


def test_the_commands_are_those_of_the_service(machine: Machine) -> None:
    rows = [json.loads(line) for line in machine.run("pictrs-filter log --json").splitlines()]
    assert {row["rule"] for row in rows} >= {"self-test-card", None}
    assert "/etc/pictrs-filter/filter.yaml: sound" in machine.run("pictrs-filter check")


def test_with_a_gpu_it_would_see_devices(machine: Machine) -> None:
    """All of them: ProtectClock= would leave the clock's alone, whatever else is said. Then it is taken back."""
    _, gpu, *_ = commands(PAGE, "2. The service")
    before = machine.show("pictrs-filter", "DevicePolicy", "DeviceAllow", "PrivateDevices")
    assert before == {"DevicePolicy": "closed", "DeviceAllow": "char-rtc r", "PrivateDevices": "yes"}
    machine.run(f"{gpu}\nsystemctl daemon-reload")
    after = machine.show("pictrs-filter", "DevicePolicy", "DeviceAllow", "PrivateDevices")
    assert after | {"DeviceAllow": after.get("DeviceAllow", "")} == {
        "DevicePolicy": "auto",
        "DeviceAllow": "",
        "PrivateDevices": "no",
    }
    machine.run("rm -r /etc/systemd/system/pictrs-filter.service.d && systemctl daemon-reload")


def test_it_is_started_again_when_it_dies(machine: Machine) -> None:
    machine.run("mkdir -p /run/systemd/system/pictrs-filter.service.d")
    machine.run("printf '[Service]\\nRestartSec=0\\n' > /run/systemd/system/pictrs-filter.service.d/test.conf")
    machine.run("systemctl daemon-reload && systemctl kill --signal KILL --kill-whom main pictrs-filter")
    machine.run("timeout 300 sh -c 'until [ $(systemctl show -P NRestarts pictrs-filter) = 1 ]; do sleep 0.1; done'")
    machine.run("timeout 300 sh -c 'until systemctl is-active --quiet pictrs-filter; do sleep 0.1; done'")
    assert "all is well" in machine.run("pictrs-filter selftest")


def test_a_stop_finishes_the_request_in_hand(machine: Machine) -> None:
    """Its decoders live until it is done: KillMode=mixed."""
    went_on, alive, status, body = json.loads(machine.python(IN_HAND))
    assert went_on.startswith("HTTP/1.1 100 ")
    assert alive == [True, True]
    assert status == 201, body
    name: Any = json.loads(body)["files"][0]["file"]
    machine.run("systemctl stop pictrs-filter")  # which waits for the stop that is under way
    said = machine.show("pictrs-filter", "ActiveState", "Result", "ExecMainStatus")
    assert said == {"ActiveState": "inactive", "Result": "success", "ExecMainStatus": "0"}
    assert name.endswith(".png")
    verdict = machine.run("journalctl --no-pager --unit pictrs-filter --output cat --grep source=upload --lines 1")
    assert "outcome=pass rule=-" in verdict


def test_the_way_back(machine: Machine) -> None:
    back, for_good = commands(PAGE, "The way back")
    machine.run(back)
    # pict-rs does not tell when it listens (1F90 is 8080)
    machine.run("timeout 60 sh -c 'until grep -q \":1F90 00000000:0000 0A\" /proc/net/tcp; do sleep 0.1; done'")
    ports = listening(machine)
    assert (ports[8080], 8081 in ports) == ("00000000", False)
    assert machine.show("pictrs-filter", "LoadState", "ActiveState") == {
        "LoadState": "not-found",
        "ActiveState": "inactive",
    }
    assert "PICTRS__CLIENT" not in machine.show("pict-rs", "Environment")["Environment"]
    machine.run("umount -R /opt/pictrs-filter")
    machine.run(for_good)
    assert machine.told("id pictrs-filter") == ""


def test_the_files_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"(?<![\w/])docker/[\w./-]+", PAGE.read_text("utf-8")))
    assert len(named) >= 6
    assert [each for each in named if not (DOCKER.parent / each).is_file()] == []
    assert "--torch-of-the-system" in (DOCKER / "requirements.py").read_text("utf-8")


def test_an_update_writes_down_anew_what_is_wanted() -> None:
    """What pip reads is no part of the checkout: `git pull` alone leaves it as it was."""
    debian, _ = commands(PAGE, "1. The program")
    pip = debian.index("--constraint pinned.txt --requirement wanted.txt")
    assert debian.index("python3 docker/requirements.py") < pip
    assert "python3 docker/requirements.py" in section(PAGE, "Update")


def test_lemmy_is_pointed_at_the_filter() -> None:
    (said,) = blocks(PAGE, "4. Lemmy", "hjson")
    assert f"http://{load(DOCKER / 'systemd' / 'filter.yaml').settings.listen}/" in said
