"""What a notification says: counts of what happened since the last one, and the latest few files. Pure.

Metadata only: time, ref, source, outcome, rule, type, size, scores. Never a header, an address, a host, a hash, the
note of a list, a codec's words or anything of the picture. Memory is bounded: counts, and the latest MOST_FILES.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from addons.inspection import Decision
from config.notify import Event
from model.verdict import Outcome

MOST_FILES = 10
"""Files that a message tells of one by one: more than a person reads; the rest is counted."""
MOST_RULES = 12
"""Rules that the text names, those that fired most often. Discord takes 2000 characters, and a rule has up to 64."""

_WORDS: dict[Event, str] = {
    "rejected": "rejected",
    "unscanned": "passed without a verdict",
    "failed": "refused because the filter could not judge",
    "reload": "policy reloaded",
}


def event_of(decision: Decision) -> Event | None:
    """What happened, or None where there is nothing to tell: a pass, or a file that is itself at fault."""
    verdict = decision.verdict
    if verdict.unscanned:
        return "unscanned"
    if verdict.outcome is Outcome.UNAVAILABLE:
        return "failed"
    return "rejected" if verdict.strict is Outcome.REJECT and verdict.cause is None else None


@dataclass
class Notice:
    """What has not been told yet. `since` and `until` are seconds since 1970.

    `rules` counts those that refused, `causes` why others were not judged. `policy` is the hash of the policy in force
    after the last reload, `problems` how many kept a newer one from being taken.
    """

    since: float
    until: float = 0.0
    counts: Counter[Event] = field(default_factory=Counter)
    shadowed: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    files: deque[Decision] = field(default_factory=lambda: deque(maxlen=MOST_FILES))
    policy: str = ""
    problems: int = 0

    def add(self, event: Event, decision: Decision) -> None:
        """One more decision."""
        verdict = decision.verdict
        self.until = decision.at
        self.counts[event] += 1
        self.shadowed += event == "rejected" and verdict.outcome is Outcome.PASS
        if event == "rejected":
            self.rules[verdict.rule or "-"] += 1
        else:
            self.causes[verdict.cause or "-"] += 1
        self.files.append(decision)

    def add_reload(self, at: float, policy: str, problems: int) -> None:
        """The policy was read anew (`problems` 0), or the one of that hash was kept."""
        self.until = at
        self.counts["reload"] += 1
        self.policy, self.problems = policy, problems

    def follow(self, later: Notice) -> Notice:
        """This one, which could not be sent, and what came meanwhile."""
        self.until = max(self.until, later.until)
        self.counts += later.counts
        self.shadowed += later.shadowed
        self.rules += later.rules
        self.causes += later.causes
        self.files.extend(later.files)
        if later.counts["reload"]:
            self.policy, self.problems = later.policy, later.problems
        return self

    def text(self) -> str:
        """One line for people."""
        told = [self._clause(event) for event in _WORDS if self.counts[event]]
        latest = f"; the latest has ref {self.files[-1].ref}" if self.files else ""
        return f"pictrs-filter: {', '.join(told)}{latest}"

    def _clause(self, event: Event) -> str:
        if event == "reload":
            kept = f"a new policy has {self.problems} problems, the old one stays; see the log"
            return kept if self.problems else f"policy reloaded ({self.policy[:8]})"
        clause = f"{self.counts[event]} {_WORDS[event]}"
        if event != "rejected":
            return clause
        shadowed = f"{self.shadowed} of them in shadow mode only; " if self.shadowed else ""
        fired = ", ".join(f"{name} {count}" for name, count in self.rules.most_common(MOST_RULES))
        return f"{clause} ({shadowed}{fired})"

    def body(self) -> dict[str, object]:
        """The JSON of a message. `text` is what Slack, Mattermost and Matrix's hookshot show, `content` Discord."""
        text = self.text()
        message: dict[str, object] = {
            "text": text,
            "content": text,
            "since": round(self.since, 3),
            "until": round(self.until, 3),
            "counts": {event: self.counts[event] for event in _WORDS},
            "rules": dict(self.rules),
            "causes": dict(self.causes),
            "files": [_plain(decision) for decision in self.files],
        }
        if self.counts["reload"]:
            message["policy"] = {"hash": self.policy, "problems": self.problems}
        return message


def _plain(decision: Decision) -> dict[str, object]:
    verdict = decision.verdict
    return {
        "time": round(decision.at, 3),
        "ref": decision.ref,
        "source": decision.source,
        "outcome": str(verdict.outcome),
        "strict": str(verdict.strict),
        "rule": verdict.rule,
        "cause": verdict.cause,
        "type": verdict.media,
        "size": verdict.size,
        "scores": {name: round(score, 3) for name, score in verdict.scores.items()},
        "in_part": {name: round(score, 3) for name, score in verdict.in_part.items()},
    }
