"""Lists of other servers: what is kept, what is not, what is asked, and when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from addons.fetch.errors import FetchError, FetchFailed
from addons.fetch.reading import Fetched, NotModified
from addons.fetch.remote import Validators
from addons.lists import subscriptions as room
from addons.lists.places import Place, copy_file
from addons.lists.shelf import read_now
from addons.lists.subscriptions import RETRY_SECONDS, Record, Subscriptions, list_fetcher, read_record
from config.listing import ListSpec
from config.settings import Fetch, Settings
from model.hashlist import MAX_BYTES, Entry
from tests.addons.fetch.sites import PRIVATE, PUBLIC, ok, redirect, serve

A, B = "aa" * 32, "bb" * 32
URL = "https://example.org/list.txt"
SPEC = ListSpec(url=URL, refresh_minutes=60)
TAG = Validators('"one"', "Sun, 06 Nov 1994 08:49:37 GMT")


class Fetcher:
    """Gives these answers, one after the other; `asked` has each url and the ETag known."""

    def __init__(self, *answers: bytes | Fetched | NotModified | FetchError) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, str | None]] = []

    async def fetch(self, url: str, deadline: float, *, known: Validators | None = None) -> Fetched | NotModified:
        self.asked.append((url, known.etag if known else None))
        answer = self._answers.pop(0)
        if isinstance(answer, FetchError):
            raise answer
        return Fetched(answer, TAG) if isinstance(answer, bytes) else answer


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def followed(folder: Path, fetcher: Fetcher, clock: Clock | None = None, spec: ListSpec = SPEC) -> Subscriptions:
    specs = {"theirs": spec, "mine": ListSpec(file="/srv/known.txt")}
    return Subscriptions(folder, specs, fetcher, clock=clock or Clock())


def kept(folder: Path) -> list[Entry]:
    return list(read_now(Place(copy_file(folder, "theirs"), required=True)).entries())


async def test_a_list_and_its_validators_are_kept(tmp_path: Path) -> None:
    fetcher, clock = Fetcher(f"# ours\n{A} # n\n".encode(), NotModified(), f"{B}\n".encode()), Clock()
    subscriptions = followed(tmp_path, fetcher, clock)
    assert subscriptions.names == ("theirs",)
    record = await subscriptions.sync("theirs")
    assert record == Record(URL, "sha256", TAG.etag, TAG.last_modified, clock.now, clock.now, "")
    assert record == read_record(tmp_path, "theirs")
    assert copy_file(tmp_path, "theirs").read_text() == f"{A}  # n\n"
    clock.now += 10
    again = await followed(tmp_path, fetcher, clock).sync("theirs")
    assert again == replace(record, asked_at=clock.now)
    assert kept(tmp_path) == [Entry("sha256", bytes.fromhex(A), "n")]
    clock.now += 10
    assert (await subscriptions.sync("theirs")).fetched_at == clock.now
    assert kept(tmp_path) == [Entry("sha256", bytes.fromhex(B))]
    assert fetcher.asked == [(URL, None), (URL, '"one"'), (URL, '"one"')]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"# nothing any more\n", "it is empty, after 1 hashes"),
        (b"<!doctype html>\n<p>Not found</p>\n", "it is not a list: line 1 is not a list of hashes but a page"),
        (f"{B}\n<p>\n<p>\n".encode(), "it is not a list: line 2"),
        (b"\xff\xfe\x00", "it is not a list: line 1 the file is UTF-16"),
        (FetchFailed("The address answered 503 instead of 200."), "The address answered 503 instead of 200."),
        (FetchFailed("It failed.", "so to say"), "It failed. (so to say)"),
    ],
)
async def test_what_is_no_list_leaves_the_last_good_copy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: bytes | FetchError, fault: str
) -> None:
    fetcher, clock = Fetcher(f"{A}\n".encode(), answer, answer, NotModified()), Clock()
    subscriptions = followed(tmp_path, fetcher, clock)
    good = await subscriptions.sync("theirs")
    for _ in range(2):
        clock.now += 1
        record = await subscriptions.sync("theirs")
        assert record.fault.startswith(fault)
        assert replace(record, fault="", asked_at=good.asked_at) == good
    assert kept(tmp_path) == [Entry("sha256", bytes.fromhex(A))]
    assert len(caplog.records) == 1
    assert f"the list theirs of {URL}: {fault}" in caplog.text
    assert (await subscriptions.sync("theirs")).fault == ""
    assert fetcher.asked[-1] == (URL, '"one"')


async def test_a_copy_has_hashes_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For it is read again at every start and change; and it is never more than can be read again."""
    text = b"# c\n" * 50 + f"\n\n  {A.upper()} # ".encode() + b"\xff" * 9 + b"\n" * 50
    fetcher = Fetcher(text, f"{B}\n".encode(), text)
    subscriptions = followed(tmp_path, fetcher)
    assert (await subscriptions.sync("theirs")).fault == ""
    assert copy_file(tmp_path, "theirs").read_text() == f"{A}  # " + "\N{REPLACEMENT CHARACTER}" * 9 + "\n"
    await subscriptions.sync("theirs")
    monkeypatch.setattr(room, "MAX_BYTES", 64 + 4 + 9 * 3)
    assert (await subscriptions.sync("theirs")).fault == (
        "its copy would have 96 bytes, more than 95: its notes are too long"
    )
    assert kept(tmp_path) == [Entry("sha256", bytes.fromhex(B))]


async def test_a_new_list_may_be_empty(tmp_path: Path) -> None:
    assert (await followed(tmp_path, Fetcher(b"# not yet\n")).sync("theirs")).fault == ""
    assert kept(tmp_path) == []


async def test_lines_that_cannot_be_read_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [f"{number:064x} # n{number}" for number in range(100)]
    record = await followed(tmp_path, Fetcher("\n".join([*lines, "?", "?"]).encode())).sync("theirs")
    assert record.fault == ""
    assert [entry.note for entry in kept(tmp_path)] == [f"n{number}" for number in range(100)]
    assert "the list theirs: 2 lines are left out" in caplog.text
    record = await followed(tmp_path, Fetcher("\n".join([*lines, "?", "?", "?"]).encode())).sync("theirs")
    assert record.fault.startswith("it is not a list: line 101")


async def test_a_copy_says_what_its_hashes_are(tmp_path: Path) -> None:
    await followed(tmp_path, Fetcher(f"{A}\n".encode()), spec=ListSpec(url=URL, bare="pdq")).sync("theirs")
    assert copy_file(tmp_path, "theirs").read_text() == f"pdq {A}\n"


@pytest.mark.parametrize("change", ["url", "bare", "copy", "record"])
async def test_nothing_is_known_of_another_address_or_without_a_copy(tmp_path: Path, change: str) -> None:
    fetcher = Fetcher(f"{A}\n".encode(), f"{B}\n".encode())
    await followed(tmp_path, fetcher).sync("theirs")
    spec = {"url": ListSpec(url=URL + "?2"), "bare": ListSpec(url=URL, bare="pdq")}.get(change, SPEC)
    if change == "copy":
        copy_file(tmp_path, "theirs").unlink()
    if change == "record":
        copy_file(tmp_path, "theirs").with_suffix(".json").write_text("{")
    await followed(tmp_path, fetcher, spec=spec).sync("theirs")
    assert fetcher.asked == [(URL, None), (spec.url, None)]
    assert [entry.hash.hex() for entry in kept(tmp_path)] == [B]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"other": 1}', '{"etag": "a\\r\\nX: y"}', '{"asked_at": "now"}', '{"fault": null}', "\xff"],
)
def test_a_record_that_cannot_be_used_is_none(tmp_path: Path, text: str) -> None:
    path = copy_file(tmp_path, "theirs").with_suffix(".json")
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    assert read_record(tmp_path, "theirs") == Record()


async def test_when_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "subscribed").write_text("in the way")
    record = await followed(tmp_path, Fetcher(f"{A}\n".encode())).sync("theirs")
    assert record.fault.startswith("its copy cannot be written: ")


async def turns(
    folder: Path, monkeypatch: pytest.MonkeyPatch, spec: ListSpec, answers: Sequence[bytes | FetchError], until: float
) -> list[float]:
    """The seconds at which a list is asked for, by a follower that naps a minute at a time."""
    clock, asked = Clock(), []
    start = clock.now

    class Noting(Fetcher):
        async def fetch(self, url: str, deadline: float, *, known: Validators | None = None) -> Fetched | NotModified:
            asked.append(clock.now - start)
            return await super().fetch(url, deadline, known=known)

    async def nap(_seconds: float) -> None:
        clock.now += 60
        if clock.now - start > until:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", nap)
    with pytest.raises(asyncio.CancelledError):
        await followed(folder, Noting(*answers), clock, spec).follow()
    return asked


async def test_when_a_list_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = f"{A}\n".encode(), FetchFailed("no")
    hourly = ListSpec(url=URL, refresh_minutes=60)
    assert await turns(tmp_path, monkeypatch, hourly, [good, good, bad, bad, good, good], 12_000) == [
        *(0, 3600, 7200),
        *(7200 + RETRY_SECONDS, 7200 + 2 * RETRY_SECONDS),
        7200 + 2 * RETRY_SECONDS + 3600,
    ]
    # the record tells when it was asked before: a minute ago by another run whose clock is set back now
    assert await turns(tmp_path, monkeypatch, hourly, [good], 1200) == [0]


async def test_where_nothing_can_be_noted_it_is_not_asked_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "subscribed").write_text("in the way")
    asked = await turns(tmp_path, monkeypatch, SPEC, [f"{A}\n".encode()] * 3, 2 * RETRY_SECONDS)
    assert asked == [0, RETRY_SECONDS, 2 * RETRY_SECONDS]


async def test_over_a_socket(tmp_path: Path) -> None:
    """The real fetcher: http only where the network is allowed, and no redirect that leaves it."""
    listed = ok(f"{A}\n".encode(), b'ETag: "one"')
    async with serve(listed) as site, serve(redirect("http://example.invalid/list")) as leaving:
        fetch = Fetch(ports=(site.port, leaving.port, 80), allow_networks=(f"{PUBLIC}/32",))
        fetcher = list_fetcher(Settings(fetch=fetch))
        specs = {
            "theirs": ListSpec(url=site.url),
            "leaving": ListSpec(url=leaving.url),
            "inside": ListSpec(url=f"http://{PRIVATE}:{site.port}/"),
        }
        subscriptions = Subscriptions(tmp_path, specs, fetcher)
        try:
            records = {name: await subscriptions.sync(name) for name in specs}
        finally:
            await fetcher.close()
        assert b"Accept: text/plain, */*;q=0.5\r\n" in site.requests[0]
        assert (len(site.requests), len(leaving.requests)) == (1, 1)
    assert records["theirs"].fault == ""
    assert records["theirs"].etag == '"one"'
    assert kept(tmp_path) == [Entry("sha256", bytes.fromhex(A))]
    for name in ("leaving", "inside"):
        assert records[name].fault == "The address is not https, or redirects to one that is not."
    assert json.loads((tmp_path / "subscribed" / "inside.json").read_text())["fetched_at"] == 0


async def test_no_more_bytes_than_a_list_may_have(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BYTES + 1)
    async with serve(head) as site:
        fetcher = list_fetcher(Settings(fetch=Fetch(ports=(site.port,), allow_networks=(f"{PUBLIC}/32",))))
        record = await Subscriptions(tmp_path, {"theirs": ListSpec(url=site.url)}, fetcher).sync("theirs")
        await fetcher.close()
    assert record.fault == f"The file is too large. ({MAX_BYTES + 1} bytes claimed)"
