"""From what became of each file to the figures of a row."""

from __future__ import annotations

from typing import Any

import pytest

from model.verdict import Outcome, Verdict
from tests.bench.rows import Found, Row, Seen, Share, false_refusals, markdown, recall, seen, together

R, P, N = Found.REFUSED, Found.PASSED, Found.NOT_JUDGED


def row(name: str, cats: str, ordinary: str, group: str = "group", **figures: Any) -> Row:
    """A letter a photograph: R(efused), P(assed), N(ot judged); photographs are named by their place."""
    letters = {"R": R, "P": P, "N": N}

    def files(kind: str, found: str) -> list[Seen]:
        given: dict[str, Any] = {"score": 0.5, "views": 1, "decode_ms": 2.0, "classify_ms": 3.0, "detail": ""}
        return [Seen(f"{kind}{place}", letters[letter], **given | figures) for place, letter in enumerate(found)]

    return Row(name, group, files("cat", cats), files("thing", ordinary))


PLAIN = row("plain", "RRRP", "PPR")


@pytest.mark.parametrize(
    ("cats", "share"),
    [
        pytest.param("RRRR", Share(3, 3), id="one that was never refused is no part of it"),
        pytest.param("PRPP", Share(1, 3), id="lost"),
        pytest.param("NRRP", Share(2, 3), id="refused unseen is not recognised"),
        pytest.param("R", Share(1, 1), id="made of few only"),
        pytest.param("", Share(0, 0), id="of none"),
    ],
)
def test_recall_is_of_those_that_the_plain_picture_is_refused_of(cats: str, share: Share) -> None:
    assert recall(row("", cats, ""), PLAIN) == share


@pytest.mark.parametrize(
    ("ordinary", "share"),
    [
        pytest.param("PPP", Share(0, 2), id="none"),
        pytest.param("RPR", Share(1, 2), id="one that is refused anyhow is no part of it"),
        pytest.param("NNP", Share(0, 2), id="refused for another reason"),
        pytest.param("R", Share(1, 1), id="made of few only"),
    ],
)
def test_false_refusals_are_of_those_that_pass_as_they_are(ordinary: str, share: Share) -> None:
    assert false_refusals(row("", "", ordinary), PLAIN) == share


def test_of_the_plain_row_all_count() -> None:
    assert false_refusals(PLAIN, PLAIN) == Share(1, 3)


def test_rows_together_leave_the_plain_one_out() -> None:
    assert together([PLAIN, row("a", "RRPP", ""), row("b", "R", "")], PLAIN) == Share(3, 4)


def test_a_share_is_told_in_per_cent_and_numbers() -> None:
    assert str(Share(2, 3)) == "67 % (2 of 3)"
    assert str(Share(0, 0)) == "-"


def verdict(outcome: Outcome, **more: Any) -> Verdict:
    given = {"strict": outcome, "rule": None, "cause": None, "sha256": "", "size": 1} | more
    return Verdict(outcome, **given)


def test_a_verdict_is_noted() -> None:
    given = {"scores": {"forbidden": 0.75}, "views": 4, "stage_ms": {"decode": 1.5, "classify": 2.5}, "detail": "why"}
    assert seen("cat", verdict(Outcome.REJECT, **given), "forbidden") == Seen("cat", R, 0.75, 4, 1.5, 2.5, "why")
    assert seen("cat", verdict(Outcome.PASS, **given), "forbidden").found is P


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_could_not_be_judged_is_neither_refused_nor_passed(outcome: Outcome) -> None:
    found = seen("cat", verdict(outcome, cause="too_large", stage_ms={"hash": 1.0}), "forbidden")
    assert found == Seen("cat", N, 0.0, 0, 0.0, 0.0, "")


def test_the_table() -> None:
    rows = [PLAIN, row("a", "RRPN", "NPP", views=3), row("b", "R", "", "else")]
    assert markdown(rows).splitlines()[2:] == [
        "| **group** | **67 % (2 of 3)** | | | |",
        "| plain | 4 cats: 75 % (3 of 4) | 33 % (1 of 3) | 0 | 1.0 |",
        "| a | 67 % (2 of 3) | 0 % (0 of 2) | 2 | 3.0 |",
        "| **else** | **100 % (1 of 1)** | | | |",
        "| b | 100 % (1 of 1) | - | 0 | 1.0 |",
    ]


def test_means_are_of_what_was_judged() -> None:
    files = row("a", "R", "", views=1).cats
    more = row("a", "N", "", views=99).cats
    assert "| 1.0 |" in markdown([PLAIN, Row("a", "group", [*files, *more], [])]).splitlines()[-1]
    assert markdown([PLAIN, row("a", "N", "")]).splitlines()[-1] == "| a | 0 % (0 of 1) | - | 1 | - |"
