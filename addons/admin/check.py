"""`pictrs-filter check`: is this configuration sound? Every fault at once, each with its line and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from config.load import ConfigError, load
from config.media import OnFailure
from config.policy import Action, Origin, PolicySpec, RuleSpec
from config.settings import Mode


def check(path: Path | None) -> int:
    """Print what the configuration says, or every fault in it. Gives the exit code: 0 sound, 1 not."""
    try:
        config = load(path)
    except ConfigError as error:
        print(error)
        count = len(error.problems)
        print(f"{count} {'problem' if count == 1 else 'problems'}; the filter would not start")
        return 1
    settings, policy = config.settings, config.policy
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
            hint = f"run `pictrs-filter models pin --config {config.path}`, or it can change under your feet"
            print(f"  note: {name}: {spec.timm} without `{spec.unpinned}:`: {hint}")
    unjudged = [origin for origin in get_args(Origin) if not _judged(policy, origin)]
    if unjudged:
        print(f"  note: no rule is for files from: {', '.join(unjudged)} (`sources:`); of these only your lists refuse")
    passing = [cause for cause, choice in settings.failure.model_dump().items() if choice is OnFailure.PASS]
    if passing:
        print(f"  note: files pass without a verdict on: {', '.join(passing)} (they are logged and counted)")
    return 0


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
