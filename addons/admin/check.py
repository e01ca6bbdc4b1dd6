"""`pictrs-filter check`: is this configuration sound? Every fault at once, each with its line and the way out."""

from __future__ import annotations

from pathlib import Path

from config.load import ConfigError, load


def check(path: Path | None) -> int:
    """Print what the file says, or every fault in it. Gives the exit code: 0 sound, 1 not."""
    try:
        config = load(path)
    except ConfigError as error:
        print(error)
        count = len(error.problems)
        print(f"{count} {'problem' if count == 1 else 'problems'}; the filter would not start with this file")
        return 1
    settings, policy = config.settings, config.policy
    print(f"{config.path}: sound")
    print(f"  listens on {settings.listen}, pict-rs at {settings.upstream}, mode {settings.mode}")
    print(f"  models: {', '.join(f'{name} ({spec.timm})' for name, spec in policy.models.items())}")
    print(f"  rules, in order: {', '.join(f'{rule.name} -> {rule.action}' for rule in policy.rules)}")
    passing = [cause for cause, choice in settings.failure.model_dump().items() if choice == "pass"]
    if passing:
        print(f"  note: files pass without a verdict on: {', '.join(passing)} (they are logged and counted)")
    print(f"  policy {config.hash[:8]}")
    return 0
