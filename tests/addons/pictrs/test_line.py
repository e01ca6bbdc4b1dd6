"""Which line answers: as test_survey.py shows through the survey, here asked alone."""

from __future__ import annotations

import aiohttp
import pytest

from addons.pictrs.asking import Asking
from addons.pictrs.line import LINES, WITHOUT_PROXY, StrangerError, find_line
from tests.addons.pictrs.surveyed import PictRs
from tests.http1 import write_answer
from tests.recorder import Recorder


@pytest.mark.parametrize("line", LINES)
async def test_each_line(line: str) -> None:
    with Recorder(PictRs(line)) as recorder:
        async with Asking(recorder.url) as asking:
            assert await find_line(asking) == line
    assert ("no proxied media" in LINES[line]) is (line in WITHOUT_PROXY)


async def test_a_stranger_and_one_that_is_not_there_yet() -> None:
    with Recorder() as recorder:
        async with Asking(recorder.url) as asking:
            with pytest.raises(StrangerError):
                await find_line(asking)
            recorder.answer = lambda _: write_answer(503)
            with pytest.raises(aiohttp.ClientConnectionError, match="status 503"):
                await find_line(asking)
