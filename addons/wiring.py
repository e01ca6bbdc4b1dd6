"""The only place where the parts meet: from a configuration to the addon that mitmproxy runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from addons.admission import HOST_SHARE, Admission
from addons.audit.place import LOG_NAME
from addons.audit.reader import Reader
from addons.audit.row import Circumstances
from addons.audit.writer import Writer
from addons.callback import Callback
from addons.fetch.recent import Recent
from addons.fetch.remote import RemoteFetcher
from addons.fetch.retrieval import Retrieval
from addons.fetch.seal import Seal
from addons.fetch.shares import Shares
from addons.fetch.staging import Staging
from addons.gatekeeper import Gatekeeper
from addons.inspection import Decision, Inspector
from addons.intercept import Intercept
from addons.judges import Judges, StartJudge
from addons.life import Life
from addons.listener import CallbackListener
from addons.lists.book import Book
from addons.lists.library import Library
from addons.lists.places import lists_folder
from addons.loop import LOOP_HEADER, LoopGuard
from addons.metrics.metrics import Metrics
from addons.notify import Notifier
from addons.observers import Observers
from addons.page.port import InternalPort
from addons.page.shelf import PageBook, listed
from addons.page.sources import Reloaded, Sources
from addons.pictrs.survey import Survey
from addons.reload import Reload, State
from addons.state import load_key
from config.load import Config
from config.media import MIB

log = logging.getLogger("pictrs_filter")


@dataclass(frozen=True)
class Parts:
    """What runs: the addon, and what its tests and the launcher look into."""

    intercept: Intercept
    life: Life
    inspector: Inspector
    judges: Judges
    reload: Reload | None
    admission: Admission
    staging: Staging
    observers: Observers
    log_of_verdicts: Writer | None
    internal: InternalPort


def build(
    config: Config,
    observe: Callable[[Decision], None] | None = None,
    start_judge: StartJudge | None = None,
    ask_upstream: bool = True,
    read: Callable[[], Config] | None = None,
) -> Parts:
    """Connect the parts. Nothing is loaded or opened yet but the key: the addon does that when mitmproxy runs it.

    `observe` is called with every decision, on the event loop, and the log of verdicts gets it too. `ask_upstream`:
    whether to find out what pict-rs can do, which takes some requests of the filter's own. `read` reads the
    configuration anew; without it, it stays what it is. Inside a running event loop only. Raises state.StateError when
    the filter's own key, or the secret of `notify:`, cannot be had.
    """
    settings = config.settings
    seal = Seal(load_key(settings.state_folder))
    observers = Observers(*([observe] if observe else []))
    inspector = Inspector(observers)
    writer = log_writer(config)
    if writer is not None:
        observers.add(writer.note)
    notifier = Notifier(settings.notify)
    observers.add(notifier.note)
    largest = settings.limits.max_file_bytes
    admission = Admission(settings.overload.media_requests, settings.overload.media_mib * MIB, largest)
    validating = Admission(settings.overload.media_requests, settings.overload.media_mib * MIB)
    loop = LoopGuard(seal.instance)
    header = {LOOP_HEADER.decode("ascii"): loop.fetch_mark.decode("ascii")}
    fetcher = RemoteFetcher(settings.fetch, largest, headers=header, pictrs=settings.upstream_address)
    recent = Recent(
        entries=settings.cache.addresses,
        refused_seconds=settings.cache.refused_seconds,
        failed_seconds=settings.cache.failed_seconds,
    )
    shares = Shares(admission.share(HOST_SHARE), admission.byte_share(HOST_SHARE))
    retrieval = Retrieval(fetcher, recent, inspector, shares)
    staging = Staging(
        seal,
        retrieval,
        admission,
        ports=settings.fetch.ports,
        judging=config.judging,
        seconds=settings.deadline_seconds,
    )
    survey = Survey(settings.upstream, staging)

    def changed(judging: str) -> None:
        staging.judge_anew(judging)
        recent.forget()

    judges = Judges(inspector, start_judge, changed)

    library = Library(settings, judges.know)

    def in_hand() -> int:
        return intercept.in_hand

    def reload_success() -> float:
        return float(reload is None or reload.state.success)

    metrics = Metrics(
        config.policy,
        lists=list(library.standing),
        gauges={
            "inflight": in_hand,
            "queue_depth": lambda: judges.load.files,
            "batch_size": lambda: judges.load.views,
            "backend_seconds": lambda: judges.load.seconds,
            "backend_up": lambda: float(inspector.judge is not None),
            "config_last_reload_success": reload_success,
        },
    )
    observers.add(metrics.note)

    async def judge_by(new: Config) -> None:
        shelf = await library.read(new.policy.lists)
        prepared = await judges.prepare(new)
        await shelf.look()  # what has changed while a model was loaded
        library.take(shelf, new.policy.lists)
        before = judges.take(prepared, shelf.lists)
        metrics.use(new.policy, list(library.standing))
        if writer is not None:
            writer.circumstances = circumstances(new, judges.device)
        await judges.leave(before)

    async def apply(new: Config) -> None:
        await judge_by(new)
        logging.getLogger().setLevel(new.settings.log_level.upper())

    def reloaded(state: State) -> None:
        notifier.note_reload(state.config.hash, len(state.problems))

    reload = Reload(config, read, apply, told=reloaded) if read is not None else None

    async def warm_up() -> str:
        notifier.start()
        if writer is not None:
            writer.start()
        if ask_upstream:
            survey.start()
        log.info("loading %s", ", ".join(f"{name} ({spec.timm})" for name, spec in config.policy.models.items()))
        await judge_by(config)
        if reload is not None:
            reload.start()
        return described(config, judges.device)

    async def close() -> None:
        await survey.close()
        await notifier.close()
        if reload is not None:
            await reload.close()
        await library.close()
        await judges.close()
        await fetcher.close()
        if writer is not None:
            await asyncio.to_thread(writer.close)
        if inspector.unscanned:
            log.warning("%d files passed without a verdict in this run", inspector.unscanned)

    url = None if settings.callback.url == "auto" else settings.callback.url
    listener = CallbackListener(*settings.callback_address, url)

    def unready() -> list[str]:
        return [] if inspector.judge is not None else ["the model is not loaded yet"]

    sources = Sources(
        config=lambda: reload.state.config if reload is not None else config,
        unready=unready,
        device=lambda: judges.device,
        in_hand=in_hand,
        log=Reader(writer.path) if writer is not None else None,
        book=PageBook(Book(lists_folder(settings.state_folder))),
        reloaded=lambda: _reloaded(reload.state) if reload is not None else None,
        lists=lambda: listed(library.standing),
        exposition=metrics.exposition,
    )
    internal = InternalPort(settings.admin, sources)
    life = Life(listener, staging, warm_up, close, internal)
    intercept = Intercept(
        Gatekeeper(settings, inspector, retrieval, staging, loop),
        Callback(settings, staging, inspector, loop),
        life,
        listener,
        staging,
        admission,
        validating,
        upstream=settings.upstream_address,
        max_requests=settings.overload.requests,
        ended=lambda case: metrics.ended(case.found, case.status),
    )
    return Parts(intercept, life, inspector, judges, reload, admission, staging, observers, writer, internal)


def _reloaded(state: State) -> Reloaded | None:
    """For the page; None where nothing was read since the start."""
    if state.first:
        return None
    return Reloaded(state.success, state.at, "; ".join(state.problems), state.waiting)


def log_writer(config: Config) -> Writer | None:
    """The log's writer, not started yet; None where the operator wants no log."""
    if config.settings.audit.keep_rows == 0:
        return None
    path = config.settings.state_folder.expanduser() / LOG_NAME
    return Writer(path, config.settings.audit, circumstances(config, "-"))


def circumstances(config: Config, device: str) -> Circumstances:
    """What the log says of verdicts that do not say it themselves; `device` is where the models run."""
    return Circumstances(config.settings.mode.value, device, config.hash)


def described(config: Config, device: str) -> str:
    """How pictures are judged, in one line: the end of the line that says that the filter is ready."""
    settings, policy = config.settings, config.policy
    models = ", ".join(spec.timm for spec in policy.models.values())
    return (
        f"upstream {settings.upstream}, model {models} on {device}, mode {settings.mode}, "
        f"{len(policy.rules)} rules, policy {config.hash[:8]}"
    )
