"""Whether the parts of a policy fit together: names that refer to nothing, names that nothing refers to. Pure.

It works on plain data, as the file has it, and not on the checked types: so what does not fit is told in one go with
what is misspelt elsewhere in the file. Where a part cannot be read, nothing is said that might only follow from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.condition import SIMILAR_BITS
from config.problems import Finding, Loc, closest, did_you_mean, printable

OPEN_NSFW = "open-nsfw"
"""The embedded model, as `timm:` names it."""
OPEN_NSFW_LABELS = ("sfw", "nsfw")
"""Its labels in the order of its outputs (github.com/yahoo/open_nsfw: index 1 is the NSFW score)."""
RESERVED_RULES = ("self-test-card", "undecodable", "unsupported", "too_large", "decoder", "classifier", "deadline")
"""Rule names under which the program itself logs: the self-test card, and each key of `failure:`."""
OWN_LISTS = ("allow", "deny")
"""The admin's own lists. They come before every rule, and are named in the log as rules are."""


def contradictions(policy: object) -> Iterator[Finding]:
    """Everything in a policy (plain data, as PolicySpec takes it) that does not fit together, with places inside it."""
    models, signals, lists = (_mapping(_mapping(policy).get(name)) for name in ("models", "signals", "lists"))
    rules = _list(_mapping(policy).get("rules"))
    yield from _signals(models, signals)
    yield from _lists(lists)
    yield from _rules(signals, lists, rules)
    yield from _unused(models, signals, lists, rules)


def rejects_nothing(policy: object) -> bool:
    """Whether no rule refuses anything: each only logs, allows, names a condition, or is in shadow mode.

    False when a rule's action cannot be read.
    """
    rules = [_mapping(rule) for rule in _list(_mapping(policy).get("rules"))]
    named = _named(rules)
    return bool(rules) and all(
        rule.get("shadow") is True
        or rule.get("action") in ("log", "allow")
        or ("action" not in rule and rule.get("name") in named)
        for rule in rules
    )


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
        for key in ("sum_labels", "max_labels"):
            places += [((key, index), label) for index, label in enumerate(_list(spec.get(key)))]
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


def _lists(lists: dict[str, object]) -> Iterator[Finding]:
    for name in OWN_LISTS:
        if name in lists:
            hint = "`pictrs-filter allow` and `pictrs-filter deny` write to it"
            yield Finding(("lists", name), f"must not be '{name}': every filter has this list already", hint)


def _rules(signals: dict[str, object], lists: dict[str, object], rules: list[object]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, rule in enumerate(rules):
        name = _mapping(rule).get("name")
        allows = _mapping(rule).get("action") == "allow"
        later = [_mapping(other).get("name") for other in rules[index + 1 :]]
        for loc, condition, lets_pass in _conditions(_mapping(rule).get("when"), ("rules", index, "when"), allows):
            yield from _names(condition, loc, signals, lists, first, later)
            yield from _allowing(condition, loc, allows=allows, lets_pass=lets_pass)
        if not isinstance(name, str):
            continue
        if name in RESERVED_RULES or name in OWN_LISTS:
            message = f"must not be '{name}': the program uses this name in its own log lines"
            yield Finding(("rules", index, "name"), message, f"for example: {name.replace('_', '-')}-pictures")
        elif name in first:
            message = f"must not be '{printable(name)}' again: rules[{first[name]}] has this name"
            yield Finding(("rules", index, "name"), message, "each rule shows up in the log under its own name")
        first.setdefault(name, index)


def _names(
    condition: dict[str, object],
    loc: Loc,
    signals: dict[str, object],
    lists: dict[str, object],
    before: dict[str, int],
    later: list[object],
) -> Iterator[Finding]:
    """What one condition refers to and is not there."""
    signal, listed, rule = (_text(condition.get(key)) for key in ("signal", "list", "rule"))
    if signals and signal is not None and signal not in signals:
        message = f"must be one of the signals, not '{printable(signal)}'"
        yield Finding((*loc, "signal"), message, did_you_mean(signal, signals))
    if listed in OWN_LISTS:
        message = f"must not be '{listed}': this list comes before every rule by itself"
        yield Finding((*loc, "list"), message, "delete the condition")
    elif listed is not None and listed not in lists:
        hint = did_you_mean(listed, lists) or "lists are named under `lists:`"
        yield Finding((*loc, "list"), f"must be one of the lists, not '{printable(listed)}'", hint)
    if rule is not None and rule not in before:
        hint = "move that rule up" if rule in later else did_you_mean(rule, before)
        yield Finding((*loc, "rule"), f"must be a rule that stands before this one, not '{printable(rule)}'", hint)


def _allowing(condition: dict[str, object], loc: Loc, *, allows: bool, lets_pass: bool) -> Iterator[Finding]:
    """What may not let a picture pass."""
    odd = next((key for key in ("signal", "rule", "none") if key in condition), None)
    if allows and odd is not None:
        message = "must not be here where the action is allow: only lists can"
        yield Finding((*loc, odd), message, "who knows how a picture must score could get any picture past it")
    within = condition.get("within")
    if lets_pass and isinstance(within, int) and within > SIMILAR_BITS:
        message = f"must be at most {SIMILAR_BITS} where a match lets a picture pass, not {within}"
        yield Finding((*loc, "within"), message, "pictures can be made that come near to an allowed one")


def _conditions(condition: object, loc: Loc, lets_pass: bool = False) -> Iterator[tuple[Loc, dict[str, object], bool]]:
    """A condition and all in it, each with its place and whether a picture passes because it holds."""
    if not isinstance(condition, dict):
        return
    yield loc, condition, lets_pass
    for key in ("all", "any", "none", "of"):
        for index, inner in enumerate(_list(condition.get(key))):
            yield from _conditions(inner, (*loc, key, index), lets_pass != (key == "none"))


def _unused(
    models: dict[str, object], signals: dict[str, object], lists: dict[str, object], rules: list[object]
) -> Iterator[Finding]:
    used = {_text(_mapping(signal).get("model")) for signal in signals.values()}
    hint = "delete it, or give it a signal: it would cost time on every picture"
    if signals and None not in used:
        for name in _not_among(used, models):
            yield Finding(("models", name), "is used by no signal", hint)
    if not rules or not all(_readable(_mapping(rule).get("when")) for rule in rules):
        return
    every = [condition for rule in rules for _, condition, _ in _conditions(_mapping(rule).get("when"), ())]
    for kind, names in (("signal", signals), ("list", lists)):
        for name in _not_among({_text(condition[kind]) for condition in every if kind in condition}, names):
            yield Finding((f"{kind}s", name), "is used by no rule", "delete it, or give it a rule")
    known = {text: rule for rule in rules if (text := _text(_mapping(rule).get("name"))) is not None}
    named = _named(rules)
    named += [closest(text, known) for text in named if isinstance(text, str) and text not in known]
    for index, rule in enumerate(map(_mapping, rules)):
        if "name" in rule and "action" not in rule and rule["name"] not in named:
            message = "has no action, and no other rule uses it"
            yield Finding(("rules", index), message, "give it `action: reject` or `action: log`, or delete it")


def _named(rules: Sequence[object]) -> list[object]:
    """The rules whose conditions other rules use."""
    every = (condition for rule in rules for _, condition, _ in _conditions(_mapping(rule).get("when"), ()))
    return [condition["rule"] for condition in every if "rule" in condition]


def _not_among(used: set[str | None], names: dict[str, object]) -> list[str]:
    """Names that nothing uses. What nothing has is taken for a misspelling of the one it looks like: not unused."""
    used = used | {closest(name, names) for name in used if name and name not in names}
    return [name for name in names if name not in used]


def _readable(condition: object) -> bool:
    """Whether all names in a condition can be read, so that what is not among them is not used."""
    if not isinstance(condition, dict):
        return False
    inner = [one for key in ("all", "any", "none", "of") for one in _list(condition.get(key))]
    names = [condition[key] for key in ("signal", "list", "rule") if key in condition]
    return bool(inner or names) and all(isinstance(name, str) for name in names) and all(map(_readable, inner))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []
