"""What the tests with a real pict-rs share: a scene with taps on both sides of the filter, and pictures.

Every scene ends with a look at all that went through it: pict-rs was never told an address of the site, and nobody but
the filter asked the site for anything.
"""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import numpy as np
from PIL import Image

from addons.inspection import Judging
from config.load import Config, policy_hash
from config.policy import PolicySpec
from tests.http1 import Answer, Request, ask, write_answer
from tests.imagenet import CAT_LABELS, make_local_dir, picture
from tests.pictrs import VERSIONS, RealPictrs
from tests.recorder import Answerer, Site, Tap
from tests.running import RunningFilter, config

ALLOW_LOCAL = {"PICTRS__CLIENT__ALLOW_LOCAL_CONNECTIONS": "true"}
"""Without it pict-rs from 0.5.21 does not ask the filter on this machine; older ones do not know it."""
WITH_PROXY = tuple(version for version in VERSIONS if version[:3] in ("0.5", "0.6"))
OURS = "pictrs-filter "  # how the User-Agent of the filter's own requests begins
PATCH = 16  # pixels of the side of a corner that is another one in each picture
WAIT_SECONDS = 60.0
CLAIMS = 6  # pict-rs waits up to 10 seconds in each

_numbers = itertools.count(1)


def fresh(kind: str = "png", size: tuple[int, int] = (120, 80)) -> bytes:
    """An ordinary picture (a cup of coffee) that no other call gives: pict-rs stores the same picture once."""
    number = next(_numbers)
    with Image.open(picture("coffee.png")) as coffee:
        small = coffee.convert("RGB").resize(size)
    small.paste((number * 37 % 256, number * 91 % 256, number % 256), (0, 0, PATCH, PATCH))
    out = io.BytesIO()
    small.save(out, kind.upper(), **({"quality": 90} if kind in ("jpeg", "webp", "avif") else {}))
    return out.getvalue()


def cat() -> bytes:
    """Chelsea, whom the policy refuses."""
    return picture("chelsea.png").read_bytes()


def pixels(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    """Height x width x RGB."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def looks_like(one: bytes, other: bytes) -> bool:
    """Whether two files show the same fresh() picture; pict-rs 0.3 writes some formats anew, with loss."""
    if pixels(one).shape != pixels(other).shape:
        return False
    off = np.abs(pixels(one) - pixels(other))
    return bool(off.mean() < 6 and off[:PATCH, :PATCH].mean() < 12)


def escaped(url: str) -> str:
    """An address as it stands in a query."""
    return quote(url, safe="")


def forbidding(labels: Sequence[str]) -> PolicySpec:
    """A policy with the ImageNet model that refuses what it takes for one of these labels, in a part of it as well."""
    when = {"signal": "forbidden", "at_least": 0.5, "in_part": 0.5}
    return PolicySpec.model_validate(
        {
            "models": {"imagenet": {"timm": f"local-dir:{make_local_dir()}"}},
            "signals": {"forbidden": {"model": "imagenet", "sum_labels": list(labels)}},
            "rules": [{"name": "no-cats", "when": when, "action": "reject"}],
        }
    )


@dataclass(frozen=True)
class Holding:
    """What pict-rs has: paths in its store, and (medium, alias) of its alias table, empty where it cannot tell."""

    files: frozenset[str]
    aliases: frozenset[tuple[str, str]]

    def __sub__(self, before: Holding) -> Holding:
        """What came. What went is no concern: pict-rs cleans up in the background."""
        return Holding(self.files - before.files, self.aliases - before.aliases)


NOTHING = Holding(frozenset(), frozenset())


def holding(real: RealPictrs) -> Holding:
    """What pict-rs has now."""
    table = alias_table(real)
    return Holding(
        frozenset(real.stored_files()), frozenset((key, name) for key, names in table.items() for name in names)
    )


def alias_table(real: RealPictrs) -> dict[str, list[str]]:
    """The table, empty where there is none. pict-rs cannot list what it is cleaning up; then it is asked again."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return real.alias_table() or {}
        except RuntimeError as error:
            if "lost-file" not in str(error) or time.monotonic() > end:
                raise


class Scene:
    """A real pict-rs behind the filter, a tap on each way between them, and a site to fetch from.

    tap      what the filter sends to pict-rs
    calls    what pict-rs asks of the filter; its address stays when the filter is started anew
    """

    def __init__(
        self, real: RealPictrs, judge: Judging | None = None, *, ask_upstream: bool = False, **settings: Any
    ) -> None:
        """Without a judge: the ImageNet model, and no cats."""
        self.real = real
        self._judge = judge
        self._ask_upstream = ask_upstream
        self._settings = settings
        self.tap, self.calls, self.site = Tap(real.address), Tap(("127.0.0.1", 9)), Site()

    @property
    def line(self) -> str:
        """That of the version of pict-rs."""
        return self.real.line

    def __enter__(self) -> Self:
        for listener in (self.tap, self.calls, self.site):
            listener.__enter__()
        try:
            self.start(CAT_LABELS)
        except BaseException as error:
            self._close(error)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.gate.stop()
        agents = {agent for request in self.site.requests for agent in request.header("user-agent")}
        told = self.told()
        self._close(value)
        assert not told, told
        assert {agent for agent in agents if not agent.startswith(OURS)} == set()

    def _close(self, error: BaseException | None) -> None:
        for listener in (self.site, self.calls, self.tap):
            listener.__exit__(None, error, None)

    def start(self, labels: Sequence[str], **settings: Any) -> None:
        """Start the filter, with these labels forbidden where the model judges."""
        made = self._config(labels, self._settings | settings)
        self.gate = RunningFilter(made, self._judge, ask_upstream=self._ask_upstream)
        self.gate.__enter__()
        self.calls.target = self.gate.callback

    def restart(self, labels: Sequence[str] = CAT_LABELS, **settings: Any) -> None:
        """End the filter and start it anew, with the same key, as pict-rs knows it."""
        self.gate.stop()
        self.start(labels, **settings)

    def _config(self, labels: Sequence[str], settings: dict[str, Any]) -> Config:
        fetch = {"allow_networks": ("127.0.0.0/8",), "ports": (self.site.address[1],)}
        callback = {"listen": "127.0.0.1:0", "url": self.calls.url} | settings.get("callback", {})
        # A debug build on a busy machine is slow; how long a verdict may take is not what is shown here.
        usual = {"fetch": fetch, "cache": {"verdicts": 64}, "deadline_seconds": 60.0}
        made = config(self.tap.address, **(usual | settings | {"callback": callback}))
        policy = forbidding(labels)
        return made if self._judge else replace(made, policy=policy, hash=policy_hash(policy))

    # Asking

    def get(self, target: str, method: str = "GET", **headers: str) -> Answer:
        """Ask through the filter."""
        return ask(self.gate.address, method, target, headers={key.replace("_", "-"): headers[key] for key in headers})

    def view(self, url: str, route: str = "original", more: str = "", method: str = "GET") -> Answer:
        """Ask through the filter for something of a remote picture."""
        return self.get(f"/image/{route}?proxy={escaped(url)}{more}", method)

    def served(self, answer: Answer) -> bytes:
        """The bytes of what an upload's answer names, a backgrounded one's too."""
        answer = self.claim(answer) if answer.status == 202 else answer
        assert answer.status in (200, 201), answer.body
        (file,) = answer.json()["files"]
        assert file["delete_token"]
        found = self.get(f"/image/original/{file['file']}")
        assert found.status == 200, found.body
        return found.body

    def claim(self, answer: Answer) -> Answer:
        """Wait for a backgrounded upload's end: pict-rs's answer to the claim."""
        assert answer.status == 202, answer.body
        (upload,) = answer.json()["uploads"]
        for _ in range(CLAIMS):
            found = self.get(f"/image/backgrounded/claim?upload_id={upload['upload_id']}")
            if found.status != 204:
                return found
        raise TimeoutError("a backgrounded upload that does not end")

    # Looking

    @property
    def forwarded(self) -> int:
        """How many bytes the filter has sent to pict-rs."""
        return sum(map(len, self.tap.raw))

    @property
    def asked(self) -> list[Request]:
        """pict-rs's own requests to the filter, those of one connection together, so not in the order of time."""
        return self.calls.requests

    def effort(self) -> tuple[int, int]:
        """(requests to the site, judgings) so far."""
        return self.site.fetches.total(), len(self.gate.decisions)

    def told(self) -> list[bytes]:
        """What was sent to pict-rs with the address of the site in it."""
        port = str(self.site.address[1]).encode()
        return [raw[:2000] for raw in self.tap.raw if b":" + port in raw or b"%3A" + port in raw.upper()]


def tagged(data: bytes, tag: str = '"one"') -> Answerer:
    """A picture with an ETag, and 304 for whoever has that one."""
    whole = write_answer(200, data, {"Content-Type": "image/png", "ETag": tag})
    unchanged = write_answer(304, headers={"ETag": tag})
    return lambda request: unchanged if request.header("if-none-match") == [tag] else whole


def wait_for(condition: Callable[[], bool]) -> None:
    """Poll, with an end."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def assert_rejected(answer: Answer) -> None:
    """The answer is the filter's own refusal, in the shape that every Lemmy reads."""
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/json"), answer.body
    found = answer.json()
    assert (found["code"], found["files"]) == ("failed-external-validation", [])
    assert found["msg"].startswith("Image rejected by this server's content filter (ref ")
