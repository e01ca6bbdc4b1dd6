"""`pictrs-filter check`: is this configuration sound? Every fault at once, each with its line and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import get_args

from addons.lists.places import Place
from addons.lists.shelf import ListError, read_now
from config import presets
from config.listing import ListSpec
from config.load import ConfigError, load
from config.media import OnFailure
from config.policy import Action, Origin, PolicySpec, RuleSpec
from config.settings import Mode


def check(path: Path | None) -> int:
    """Print what the configuration says, or every fault in it. Gives the exit code: 0 sound, 1 not."""
    try:
        config = load(path)
    except ConfigError as error:
        return _refused([str(error)], len(error.problems))
    settings, policy = config.settings, config.policy
    unread = [f"{config.path}: {fault}" for fault in _unread(policy.lists)]
    if unread:
        return _refused(unread, len(unread))
    print(f"{config.path}: sound")
    print(f"  listens on {settings.listen}, pict-rs at {settings.upstream}, mode {settings.mode}")
    print(f"  models: {', '.join(f'{name} ({spec.timm})' for name, spec in policy.models.items())}")
    print(f"  rules: {', '.join(map(_told, policy.rules))}; policy {config.hash[:8]}")
    if policy.lists:
        print(f"  lists: {', '.join(f'{name} ({spec.file or spec.url})' for name, spec in policy.lists.items())}")
    if settings.mode is Mode.SHADOW:
        print("  note: in shadow mode nothing is refused but the self-test card; look at the log")
    for name, spec in policy.models.items():
        if spec.unpinned:
            hint = f"{_way_to_pin(config.path)}, or it can change under your feet"
            print(f"  note: {name}: {spec.timm} without `{spec.unpinned}:`: {hint}")
    unjudged = [origin for origin in get_args(Origin) if not _judged(policy, origin)]
    if unjudged:
        print(f"  note: no rule is for files from: {', '.join(unjudged)} (`sources:`); of these only your lists refuse")
    passing = [cause for cause, choice in settings.failure.model_dump().items() if choice is OnFailure.PASS]
    if passing:
        print(f"  note: files pass without a verdict on: {', '.join(passing)} (they are logged and counted)")
    return 0


def _refused(faults: Iterable[str], count: int) -> int:
    print(*faults, sep="\n")
    print(f"{count} {'problem' if count == 1 else 'problems'}; the filter would not start")
    return 1


def _way_to_pin(path: Path) -> str:
    """The commands that pin the models; of a configuration that belongs to the program, in a copy."""
    copy = ""
    if path.resolve().parent == presets.FOLDER.resolve():
        copy = f"copy it first (`pictrs-filter presets show {path.stem} > filter.yaml`), then "
    return f"{copy}run `pictrs-filter models pin --config {'filter.yaml' if copy else path}`"


def _unread(lists: Mapping[str, ListSpec]) -> Iterator[str]:
    """What is wrong with the files that the policy's lists name: with one that is not there no filter starts."""
    for name, spec in lists.items():
        try:
            if spec.file is not None:
                read_now(Place(Path(spec.file), spec.bare, required=True))
        except ListError as error:
            yield f"lists.{name}: {error}"


def _told(rule: RuleSpec) -> str:
    """A rule in a few words."""
    notes = [str(rule.action or "a name for others")]
    notes += ["in shadow mode"] if rule.shadow else []
    notes += [f"for {' and '.join(rule.sources)}"] if rule.sources else []
    return f"{rule.name} ({', '.join(notes)})"


def _judged(policy: PolicySpec, origin: Origin) -> bool:
    """Whether a rule may do something about files from there."""
    here = (rule for rule in policy.rules if rule.sources is None or origin in rule.sources)
    return any(rule.action in (Action.REJECT, Action.LOG) for rule in here)
