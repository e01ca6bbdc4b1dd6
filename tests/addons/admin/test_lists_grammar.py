"""What may be typed after `allow`, `deny` and `lists`, and what it means where nothing is."""

from __future__ import annotations

import pytest

from addons.admin.grammar import parser


def test_what_holds_unless_it_is_said() -> None:
    allow, deny = parser().parse_args(["allow", "x"]), parser().parse_args(["deny", "x"])
    assert (allow.what, allow.note, allow.similar, allow.remove) == ("x", "", False, False)
    assert (deny.what, deny.note, deny.similar, deny.remove) == ("x", "", True, False)
    assert parser().parse_args(["allow", "x", "--similar"]).similar
    assert parser().parse_args(["lists"]).lists_command is None
    taken = parser().parse_args(["lists", "import", "f", "--to", "deny"])
    assert (str(taken.file), taken.to, taken.bare, taken.note, taken.similar) == ("f", "deny", "sha256", "", False)
    assert parser().parse_args(["lists", "export", "allow"]).kind is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["allow"], "the following arguments are required: REF|HASH|FILE"),
        (["deny", "x", "--similar"], "unrecognized arguments: --similar"),
        (["lists", "import", "f"], "the following arguments are required: --to"),
        (["lists", "import", "f", "--to", "theirs"], "invalid choice: 'theirs'"),
        (["lists", "export", "theirs"], "invalid choice: 'theirs'"),
        (["lists", "export", "deny", "--kind", "md5"], "invalid choice: 'md5'"),
        (["lists", "bogus"], "invalid choice: 'bogus'"),
    ],
)
def test_what_is_wrong(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", ["allow", "deny", "lists"])
def test_the_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([command, "--help"])
    said = capsys.readouterr().out
    assert "exit code: 0" in said
    if command == "allow":
        assert (
            "Think twice: a picture can be made on purpose that comes near to one that is known to be allowed" in said
        )
