"""What was measured, as data: it grows step by step, so that whoever interrupts it has what was there until then.

KEYS is the promise to scripts that read `--json`: a test compares it with what is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from addons.admin.bench.machine import Machine
from addons.admin.bench.pace import Pace

LEMMY_SECONDS = 10.0
"""Seconds after which Lemmy gives up a fetch, a view and, before 0.19, an upload (its `REQWEST_TIMEOUT`)."""

KEYS: Mapping[str, str] = {
    "complete": "false: it was interrupted, and the rest is what was there until then",
    "measured_at": "UTC time of the start, ISO 8601",
    "configuration": "the file of the settings",
    "machine.cpu": "its name",
    "machine.cores": "those that the filter may use",
    "machine.memory_mib": "all of it, MiB",
    "machine.system": "the operating system",
    "machine.load_average_before": "of one minute; what is above 0 before is other programs'",
    "machine.load_average_after": "the same at the end, null until then",
    "versions.*": "of Python and the packages that the figures depend on",
    "setup.models.*": "where each model comes from",
    "setup.device": "where the models run",
    "setup.decoder_processes": "setting decoder.processes",
    "setup.confinement": "what confines the decoders",
    "setup.tiles": "setting views.tiles",
    "setup.deadline_seconds": "setting: seconds for a verdict",
    "setup.lemmy_seconds": "seconds that Lemmy waits",
    "decode[].pictures": "which pictures were decoded, with all decoders at once",
    "decode[].files": "how many different ones, in turn",
    "decode[].mean_bytes": "of a file",
    "decode[].mean_views": "the views that judging one takes; null where it is refused",
    "decode[].refused": "why the settings refuse such pictures; null where they do not",
    "decode[].done": "pictures decoded; null where they are refused, as are the next three",
    "decode[].pictures_per_second": "by all decoders together",
    "decode[].p50_ms": "milliseconds that one takes, the median",
    "decode[].p99_ms": "that 99 of 100 do not exceed",
    "model[].model": "its name in the settings",
    "model[].views_per_call": "views that are given to it together",
    "model[].calls_at_once": "callers who wait at the same time",
    "model[].calls": "how many were measured",
    "model[].views_per_second": "by all callers together",
    "model[].ms_per_view": "milliseconds; 1000 / views_per_second",
    "whole[].uploads_at_once": "uploads by HTTP that wait at the same time",
    "whole[].judged": "uploads with a verdict",
    "whole[].not_judged": "uploads without one, which are refused",
    "whole[].not_judged_answer": "what the last of those was answered; null if there was none",
    "whole[].pictures_per_second": "judged",
    "whole[].p50_ms": "milliseconds until it is answered, the median; null if none was judged",
    "whole[].p95_ms": "that 95 of 100 do not exceed",
    "whole[].p99_ms": "that 99 of 100 do not exceed; of fewer than 100 the slowest",
    "result.pictures_per_second": "what this machine can judge, uploads side by side",
    "result.p99_ms": "of those; null if none was judged",
    "result.burst_pictures": "so many at the same moment are all judged before the deadline, reckoned by the rate",
    "result.fast_enough": "all were judged, and 99 of 100 within half of the deadline",
    "result.assessment": "the same in words",
    "result.advice[]": "what to do about it, and what disturbed",
}
"""Each key of the JSON, with what it means: [] stands for each item of a list, * for names. `decode`, `model` and
`whole` are lists of as many as were measured, `result` is null until all was."""


@dataclass(frozen=True)
class Setup:
    """What is measured: the settings that matter here, and what became of them."""

    models: dict[str, str]
    device: str
    decoder_processes: int
    confinement: str
    tiles: bool
    deadline_seconds: float
    lemmy_seconds: float = LEMMY_SECONDS


@dataclass(frozen=True)
class Decoding:
    """How fast `pictures` are decoded; `refused` says why there is no pace."""

    pictures: str
    files: int
    mean_bytes: int
    mean_views: float | None
    refused: str | None
    pace: Pace | None


@dataclass(frozen=True)
class Modelling:
    """How fast a model looks at views; the pace is that of calls with `views` each."""

    model: str
    views: int
    at_once: int
    pace: Pace

    @property
    def per_second(self) -> float:
        """Views a second."""
        return self.views * self.pace.per_second

    @property
    def ms_per_view(self) -> float | None:
        """Milliseconds for a view, None when no call was done."""
        return 1000 / self.per_second if self.per_second else None


@dataclass(frozen=True)
class Uploading:
    """How fast uploads are answered; `answer` is what the last one without a verdict was told."""

    at_once: int
    pace: Pace
    answer: str | None


@dataclass(frozen=True)
class Result:
    """What it comes to."""

    pictures_per_second: float
    p99_ms: float | None
    burst_pictures: int
    fast_enough: bool
    assessment: str
    advice: tuple[str, ...]


@dataclass
class Report:
    """All of one run, so far."""

    measured_at: str
    configuration: str
    machine: Machine
    versions: dict[str, str]
    load_before: float
    load_after: float | None = None
    setup: Setup | None = None
    decode: list[Decoding] = field(default_factory=list)
    model: list[Modelling] = field(default_factory=list)
    whole: list[Uploading] = field(default_factory=list)
    result: Result | None = None


def as_object(report: Report) -> dict[str, Any]:
    """The object that `--json` prints, as KEYS has it."""
    load = {"load_average_before": report.load_before, "load_average_after": report.load_after}
    result = asdict(report.result) | {"advice": list(report.result.advice)} if report.result else None
    return {
        "complete": report.result is not None,
        "measured_at": report.measured_at,
        "configuration": report.configuration,
        "machine": asdict(report.machine) | load,
        "versions": report.versions,
        "setup": asdict(report.setup) if report.setup else None,
        "decode": [_decoding(row) for row in report.decode],
        "model": [_modelling(row) for row in report.model],
        "whole": [_uploading(row) for row in report.whole],
        "result": result,
    }


def _decoding(row: Decoding) -> dict[str, Any]:
    pace = row.pace
    return {
        "pictures": row.pictures,
        "files": row.files,
        "mean_bytes": row.mean_bytes,
        "mean_views": row.mean_views,
        "refused": row.refused,
        "done": pace.done if pace else None,
        "pictures_per_second": round(pace.per_second, 2) if pace else None,
        "p50_ms": _rounded(pace.at(50)) if pace else None,
        "p99_ms": _rounded(pace.at(99)) if pace else None,
    }


def _modelling(row: Modelling) -> dict[str, Any]:
    return {
        "model": row.model,
        "views_per_call": row.views,
        "calls_at_once": row.at_once,
        "calls": row.pace.done,
        "views_per_second": round(row.per_second, 2),
        "ms_per_view": _rounded(row.ms_per_view),
    }


def _uploading(row: Uploading) -> dict[str, Any]:
    return {
        "uploads_at_once": row.at_once,
        "judged": row.pace.done,
        "not_judged": row.pace.failed,
        "not_judged_answer": row.answer,
        "pictures_per_second": round(row.pace.per_second, 2),
        "p50_ms": _rounded(row.pace.at(50)),
        "p95_ms": _rounded(row.pace.at(95)),
        "p99_ms": _rounded(row.pace.at(99)),
    }


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)
