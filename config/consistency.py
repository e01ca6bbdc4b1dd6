"""Whether the parts of a policy fit together: names that refer to nothing, names that nothing refers to. Pure.

It works on plain data, as the file has it, and not on the checked types: so what does not fit is told in one go with
what is misspelt elsewhere in the file. Where a part cannot be read, nothing is said that might only follow from that.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.problems import Finding, Loc, closest, did_you_mean, printable

OPEN_NSFW = "open-nsfw"
"""The embedded model, as `timm:` names it."""
OPEN_NSFW_LABELS = ("sfw", "nsfw")
"""Its labels in the order of its outputs (github.com/yahoo/open_nsfw: index 1 is the NSFW score)."""
RESERVED_RULES = ("self-test-card", "undecodable", "unsupported", "too_large", "decoder", "classifier", "deadline")
"""Rule names under which the program itself logs: the self-test card, and each key of `failure:`."""


def contradictions(policy: object) -> Iterator[Finding]:
    """Everything in a policy (plain `models`, `signals`, `rules`) that does not fit together, with places inside it."""
    models, signals = _mapping(_mapping(policy).get("models")), _mapping(_mapping(policy).get("signals"))
    rules = _list(_mapping(policy).get("rules"))
    yield from _signals(models, signals)
    yield from _rules(signals, rules)
    yield from _unused(models, signals, rules)


def rejects_nothing(policy: object) -> bool:
    """Whether every rule only logs. False when a rule's action cannot be read."""
    actions = [_mapping(rule).get("action") for rule in _list(_mapping(policy).get("rules"))]
    return bool(actions) and all(action == "log" for action in actions)


def _signals(models: dict[str, object], signals: dict[str, object]) -> Iterator[Finding]:
    for name, signal in signals.items():
        spec = _mapping(signal)
        model = spec.get("model")
        if not isinstance(model, str):
            continue
        if models and model not in models:
            hint = did_you_mean(model, models)
            yield Finding(("signals", name, "model"), f"must be one of the models, not '{printable(model)}'", hint)
            continue
        known = _labels(models.get(model))
        if not known:
            continue
        places: list[tuple[Loc, object]] = [(("label",), spec.get("label"))]
        places += [(("sum_labels", index), label) for index, label in enumerate(_list(spec.get("sum_labels")))]
        for place, label in places:
            if isinstance(label, str) and label and label not in known:
                message = f"must be a label of the model '{printable(model)}', not '{printable(label)}'"
                yield Finding(("signals", name, *place), message, did_you_mean(label, known))


def _labels(model: object) -> list[str]:
    """The labels of a model as far as the policy knows them; empty when only the loaded model does."""
    spec = _mapping(model)
    if spec.get("timm") == OPEN_NSFW:
        return list(OPEN_NSFW_LABELS)
    return [label for label in _list(spec.get("labels")) if isinstance(label, str)]


def _rules(signals: dict[str, object], rules: list[object]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, rule in enumerate(rules):
        name, signal = _mapping(rule).get("name"), _signal(rule)
        if signals and signal is not None and signal not in signals:
            message = f"must be one of the signals, not '{printable(signal)}'"
            yield Finding(("rules", index, "when", "signal"), message, did_you_mean(signal, signals))
        if not isinstance(name, str):
            continue
        if name in RESERVED_RULES:
            message = f"must not be '{name}': the program uses this name in its own log lines"
            yield Finding(("rules", index, "name"), message, f"for example: {name.replace('_', '-')}-pictures")
        elif name in first:
            message = f"must not be '{printable(name)}' again: rules[{first[name]}] has this name"
            yield Finding(("rules", index, "name"), message, "each rule shows up in the log under its own name")
        first.setdefault(name, index)


def _unused(models: dict[str, object], signals: dict[str, object], rules: list[object]) -> Iterator[Finding]:
    # a name that nothing has is taken for a misspelling of the one it looks like: that one is not called unused as well
    used_models = {_text(_mapping(signal).get("model")) for signal in signals.values()}
    if signals and None not in used_models:
        used_models |= {closest(name, models) for name in used_models if name and name not in models}
        for name in (name for name in models if name not in used_models):
            hint = "delete it, or give it a signal: it would cost time on every picture"
            yield Finding(("models", name), "is used by no signal", hint)
    used_signals = {_signal(rule) for rule in rules}
    if rules and None not in used_signals:
        used_signals |= {closest(name, signals) for name in used_signals if name and name not in signals}
        for name in (name for name in signals if name not in used_signals):
            yield Finding(("signals", name), "is used by no rule", "delete it, or give it a rule")


def _signal(rule: object) -> str | None:
    return _text(_mapping(_mapping(rule).get("when")).get("signal"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []
