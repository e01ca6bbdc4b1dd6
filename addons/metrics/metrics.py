"""The metrics, and where their numbers come from: decisions, ends of requests, and what is read when somebody asks.

A registry of our own, nothing global. `note` and `ended` are called on the proxy's loop: a few microseconds, and they
never raise. What is drawn (`exposition`) may be asked for by another thread; prometheus_client has its own locks.
"""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from addons.inspection import Decision
from addons.metrics import names
from addons.seldom import Seldom
from config.policy import PolicySpec
from model.verdict import Outcome

log = logging.getLogger("pictrs_filter")

PREFIX = "pictrs_filter"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
COMPLAIN_SECONDS = 60.0
"""How often a fault of ours is logged at most, in seconds: it may come with each picture."""
SCORES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1.0)
"""Upper bounds of score buckets: narrower where thresholds lie."""
SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 30.0)
"""Upper bounds of time buckets in seconds: 8 is the deadline's default, 10 is when Lemmy gives up."""

Reading = Callable[[], float]


class Metrics:
    """One per process. `policy` bounds the names of rules and signals; `use` replaces it after a reload.

    `gauges`: name (without prefix) -> what reads its value, in whatever thread asks; one that is not given is not
    shown. Help texts are in GAUGES.
    """

    def __init__(
        self, policy: PolicySpec, lists: Iterable[str] = (), gauges: Mapping[str, Reading] | None = None
    ) -> None:
        self._complains = Seldom(COMPLAIN_SECONDS)
        self._registry = CollectorRegistry()
        self._requests = self._counter("requests", "requests that have ended", "route", "code")
        self._scans = self._counter("scans", "files that were decided on", "source", "verdict", "rule")
        self._score = self._histogram("score", "highest score of a judged file, whole or part", SCORES, "label")
        self._request_seconds = self._histogram("request_seconds", "seconds for a verdict", SECONDS, "source")
        self._stage_seconds = self._histogram("stage_seconds", "seconds in a stage of judging", SECONDS, "stage")
        self._unscanned = self._counter("unscanned", "files that passed without a verdict", "source", "reason")
        self._failclosed = self._counter("failclosed", "files refused without a verdict", "source", "reason")
        self._deadline = self._counter("deadline_exceeded", "files without a verdict in time")
        self._cache_hits = self._counter("cache_hits", "verdicts found in memory", "kind")
        self._list_matches = self._counter("list_matches", "files that a list decided on", "list")
        self._undecodable = self._counter("undecodable", "files that are broken")
        self._frames = self._counter("frames_scanned", "views (frames and parts) that models looked at")
        self._registry.register(_Readings(gauges or {}))
        self._model = Gauge("model_info", "1 for each model", ("name", "timm"), PREFIX, registry=self._registry)
        build = Gauge("build_info", "1", ("version", "python", "mitmproxy"), PREFIX, registry=self._registry)
        build.labels(version("pictrs-filter"), platform.python_version(), version("mitmproxy")).set(1)
        self._stages: set[str] = set()
        self.use(policy, lists)

    def use(self, policy: PolicySpec, lists: Iterable[str] = ()) -> None:
        """Take names from this policy, and from these lists, from now on."""
        self._lists = frozenset({*lists, *names.OWN_LISTS})
        self._rules = names.rules(policy, self._lists)
        self._deciding = {name: name for name in self._lists} | names.deciding_lists(policy)
        self._signals = frozenset(policy.signals)
        self._model.clear()
        for name, spec in policy.models.items():
            self._model.labels(name, spec.timm).set(1)

    def note(self, decision: Decision) -> None:
        """Count a decision. Quick, and never raises."""
        try:
            self._note(decision)
        except Exception:  # noqa: BLE001 -- a number that is missing harms nobody, a lost decision does
            self._complain()

    def ended(self, found: object, status: int | None) -> None:
        """Count a request that has ended, given what its desk made of its head. Quick, and never raises."""
        try:
            code = names.UNANSWERED if status is None else str(status) if 100 <= status < 600 else names.OTHER
            self._requests.labels(names.route(found), code).inc()
        except Exception:  # noqa: BLE001 -- as above
            self._complain()

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format (CONTENT_TYPE)."""
        return generate_latest(self._registry)

    def _note(self, decision: Decision) -> None:
        verdict = decision.verdict
        source = names.one_of(decision.source, names.SOURCES)
        rule = names.one_of(verdict.rule or names.NONE, self._rules)
        self._scans.labels(source, names.verdict(verdict), rule).inc()
        self._request_seconds.labels(source).observe(decision.ms / 1000)
        if verdict.cause is not None:
            self._note_failure(source, verdict.cause, verdict.outcome)
            return
        for name in verdict.scores.keys() | verdict.in_part.keys():
            highest = max(verdict.scores.get(name, 0.0), verdict.in_part.get(name, 0.0))
            self._score.labels(names.one_of(name, self._signals)).observe(highest)
        if verdict.rule in self._deciding:
            self._list_matches.labels(self._deciding[verdict.rule]).inc()
        if verdict.cached:
            self._cache_hits.labels("verdict").inc()
            return
        self._frames.inc(verdict.views)
        for stage, ms in verdict.stage_ms.items():  # names of model.judge, a handful
            self._stage_seconds.labels(stage).observe(ms / 1000)

    def _note_failure(self, source: str, cause: str, outcome: Outcome) -> None:
        counter = self._unscanned if outcome is Outcome.PASS else self._failclosed
        counter.labels(source, names.one_of(cause, names.CAUSES)).inc()
        if cause == "deadline":
            self._deadline.inc()
        if cause == "undecodable":
            self._undecodable.inc()

    def _complain(self) -> None:
        if self._complains.now():
            log.exception("a fault of ours in the metrics; nothing else suffers from it")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, PREFIX, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, text, labels, PREFIX, registry=self._registry, buckets=buckets)


GAUGES: Mapping[str, str] = {
    "inflight": "requests in hand",
    "queue_depth": "files that are with the models or wait for them",
    "batch_size": "views of the last batch",
    "backend_up": "1 while pictures can be judged",
    "backend_seconds": "seconds that the model took for the last batch",
    "config_last_reload_success": "1 when the configuration that runs is the last one that was read",
}


class _Readings(Collector):
    """Gauges that are read when somebody asks."""

    def __init__(self, gauges: Mapping[str, Reading]) -> None:
        unknown = gauges.keys() - GAUGES.keys()
        if unknown:
            raise ValueError(f"no such gauges: {', '.join(sorted(unknown))}")
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What there is to read."""
        for name, read in self._gauges.items():
            yield GaugeMetricFamily(f"{PREFIX}_{name}", GAUGES[name], value=read())
