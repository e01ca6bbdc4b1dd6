"""A YAML file as plain data, with the line of every value. Pure: bytes in, a document out, and it never raises.

Rules this file keeps: mappings, lists and scalars only. Aliases, merge keys, tags, second documents and keys that stand
twice are refused, each with its line; so no file can grow while it is read. PyYAML reads YAML 1.1, in which 1:30 is 90
and 010 is 8: such numbers are refused instead of guessed at. That a mistake is found does not end the reading: what can
be read is checked further, and `skipped` names the places of which nothing more can be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.resolver import Resolver

from config.problems import Finding, Loc, printable

MAX_FILE_BYTES = 1024 * 1024
"""Size of a configuration file in bytes: a hundred times what anyone writes, and read within seconds."""
MAX_DEPTH = 16
"""Levels of mappings and lists within each other. A policy needs 5; the reader calls itself once a level."""

_HINTS = (
    ("'\\t'", "indent with spaces: YAML does not allow tabs"),
    ("cannot start any token", "put the text in quotes"),
    ("mapping values are not allowed", "check the indentation, and put text that holds ': ' in quotes"),
    ("could not find expected ':'", "a key needs a colon and a space after it"),
    ("expected alphabetic or numeric", "text that begins with * or & must be in quotes"),
    ("expected <block end>", "check the indentation; text that begins with [ or { must be in quotes as a whole"),
    ("expected the node content", "text that begins with [ or { must be in quotes as a whole"),
    ("unexpected end of stream", "a quote is not closed"),
    ("escape", "in double quotes a backslash has a meaning: use single quotes"),
    ("expected ',' or", "a bracket is not closed, or a comma is missing"),
)
_OLD_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_YAML_TAG = "tag:yaml.org,2002:"
_KINDS = {"bool": "true or false", "int": "a number", "float": "a number", "null": "nothing", "timestamp": "a date"}


@dataclass
class Document:
    """What a file holds. `written` has the text of each scalar that YAML takes for something other than text."""

    values: dict[str, object] = field(default_factory=dict)
    lines: dict[Loc, int] = field(default_factory=dict)
    written: dict[Loc, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    skipped: set[Loc] = field(default_factory=set)
    complete: bool = False

    def line(self, loc: Loc) -> int | None:
        """The line, from 1, of a place, or of the nearest place around it that is written in the file."""
        return next((self.lines[loc[:end]] for end in range(len(loc), 0, -1) if loc[:end] in self.lines), None)

    def is_skipped(self, loc: Loc) -> bool:
        """Whether what stands at `loc` could not be read, so that nothing more should be said about it."""
        return any(loc[:end] in self.skipped for end in range(len(loc) + 1))


def read(data: bytes) -> Document:
    """Read a file's bytes. When `complete` is False, the file could not be read to its end, and `findings` says why."""
    document = Document()
    if len(data) > MAX_FILE_BYTES:
        document.findings.append(Finding((), f"is larger than {MAX_FILE_BYTES} bytes", "is this the right file?"))
        return document
    try:
        _Reader(data.decode("utf-8-sig"), document).read()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        document.findings.append(Finding((), "is not UTF-8 text", "save it as UTF-8 in your editor", line))
    except yaml.reader.ReaderError as error:  # PyYAML counts its position in characters from the start
        line = data.decode("utf-8-sig").count("\n", 0, error.position) + 1
        document.findings.append(Finding((), "holds a control character", "delete it, and type the line again", line))
    except _TooDeepError as error:
        document.findings.append(Finding((), f"is nested over {MAX_DEPTH} levels deep", "a policy needs 5", error.line))
    except yaml.MarkedYAMLError as error:
        document.findings.append(_syntax(error))
    # PyYAML's scanner lets these out: an escape such as "\UFFFFFFFF", a %YAML version of thousands of digits
    except (ValueError, OverflowError) as error:
        document.findings.append(Finding((), f"is not YAML: {printable(str(error))}"))
    return document


def _syntax(error: yaml.MarkedYAMLError) -> Finding:
    text = error.problem or error.context or "cannot be read"
    marks = [error.problem_mark, error.context_mark]
    if "end of stream" in text or "expected ','" in text:  # where the quote or the bracket was opened tells more
        marks.reverse()
    mark = marks[0] or marks[1]
    hint = next((hint for part, hint in _HINTS if part in text), "")
    return Finding((), f"is not YAML: {printable(text)}", hint, mark.line + 1 if mark else None)


class _TooDeepError(Exception):
    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Reader:
    """Builds values from PyYAML's events, which come one by one and never grow."""

    def __init__(self, text: str, document: Document) -> None:
        self._events: Iterator[yaml.Event] = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        self._resolver = Resolver()
        self._document = document

    def read(self) -> None:
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.DocumentStartEvent):
            value = self._value(next(self._events), (), 0)
            next(self._events)
            event = next(self._events)
            if isinstance(value, dict):
                self._document.values = value
            elif value is not None:
                self._note(event, (), "must be lines of `key: value`", "see the shipped default.yaml", line=1)
        if not isinstance(event, yaml.StreamEndEvent):
            self._note(event, (), "holds a second document", "delete the line `---` and what follows it")
            return
        self._document.complete = True

    def _value(self, event: yaml.Event, loc: Loc, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise _TooDeepError(_line(event))
        if isinstance(event, yaml.AliasEvent):
            name = printable(str(event.anchor))
            self._note(event, loc, f"must not be an alias (*{name})", "write the value out", skip=True)
            return None
        tag = event.tag if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) else None
        if tag is not None:
            self._note(event, loc, f"must not have a tag ({_short(tag)})", "delete the tag", skip=True)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(loc, depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(loc, depth)
        return self._scalar(event, loc) if isinstance(event, yaml.ScalarEvent) else None

    def _list(self, loc: Loc, depth: int) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*loc, len(items))
            self._document.lines[here] = _line(event)
            items.append(self._value(event, here, depth + 1))
        return items

    def _mapping(self, loc: Loc, depth: int) -> dict[str, object]:
        result: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, loc, depth)
            here = (*loc, "?" if key is None else key)
            if key in result:
                first = self._document.lines[here]
                self._note(event, here, f"must not stand twice (first in line {first})", "delete one of them")
                here, key = (*loc, f"{key} (again)"), None
            self._document.lines[here] = _line(event)
            told = len(self._document.findings)
            value = self._value(next(self._events), here, depth + 1)
            if key is None:
                del self._document.findings[told:]
            else:
                result[key] = value
        return result

    def _key(self, event: yaml.Event, loc: Loc, depth: int) -> str | None:
        """The key, or None when it cannot be used; its value is still to be read then."""
        if not isinstance(event, yaml.ScalarEvent):
            if not isinstance(event, yaml.AliasEvent):
                self._value(event, (*loc, "?"), depth + 1)
            self._note(event, loc, "must have keys that are plain text", "put the key in quotes", skip=True)
            return None
        kind = self._kind(event)
        if kind == "merge":
            self._note(event, loc, "must not have a merge key (<<)", "write the lines out", skip=True)
            return None
        here = (*loc, event.value)
        if event.tag is not None:
            self._note(event, here, f"must not have a tag ({_short(event.tag)})", "delete the tag")
        elif kind in _KINDS:
            self._note(
                event, here, f"must be in quotes: YAML takes this name for {_KINDS[kind]}", f"write '{event.value}'"
            )
        return event.value

    def _scalar(self, event: yaml.ScalarEvent, loc: Loc) -> object:
        text, kind = event.value, self._kind(event)
        if not kind or kind not in _KINDS:
            return text
        self._document.written[loc] = text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("yes", "true", "on")
        if kind in ("int", "float") and (":" in text or (kind == "int" and _OLD_OCTAL.fullmatch(text))):
            hint = "put it in quotes if text is meant" if ":" in text else "delete the zeros in front"
            self._note(event, loc, f"must be an ordinary number, not {printable(text)}", hint, skip=True)
        return _number(text, kind)

    def _kind(self, event: yaml.ScalarEvent) -> str:
        """What YAML takes a bare scalar for: str, int, float, bool, null, timestamp or merge. Empty when quoted."""
        if event.tag is not None or event.style is not None:
            return ""
        tag = str(self._resolver.resolve(yaml.ScalarNode, event.value, (True, False)))  # type: ignore[no-untyped-call]
        return tag.removeprefix(_YAML_TAG)

    def _note(
        self, event: yaml.Event, loc: Loc, message: str, hint: str, *, line: int | None = None, skip: bool = False
    ) -> None:
        self._document.findings.append(Finding(loc, message, hint, line or _line(event)))
        if skip:
            self._document.skipped.add(loc)


def _number(text: str, kind: str) -> object:
    digits = text.replace("_", "").lower()
    try:
        if kind == "int":
            return int(digits, 0)
        if kind == "float":
            return float(digits.replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:  # `0x_`, or more digits than Python turns into a number: it stays text, and is refused as such
        pass
    return text


def _short(tag: str) -> str:
    return printable(f"!!{tag.removeprefix(_YAML_TAG)}" if tag.startswith(_YAML_TAG) else tag)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
