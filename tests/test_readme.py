"""Figures that the README and the manual of the settings tell are those of the code."""

from __future__ import annotations

import re

import pytest

from addons import connections, upstream, waits
from addons.admission import FETCH_SHARE, HOST_SHARE
from addons.fetch import staging
from config.settings import Settings
from model.frames import MAX_WORK_PIXELS
from tests.running import repository

DEFAULTS = Settings()
BEGIN, IDLE = upstream.BEGIN_SECONDS, upstream.IDLE_SECONDS
README, MANUAL = "README.md", "config/default.yaml"


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (README, f"a head takes more than {waits.HEAD_SECONDS:g} s, a body more than {waits.BODY_SECONDS:g} s"),
        (
            README,
            f"pict-rs does not answer for {BEGIN:g} s, or falls silent for {IDLE:g} s",
        ),
        (README, f"gives each body {waits.BODY_SECONDS:g} seconds, and {DEFAULTS.overload.requests} slow ones at once"),
        (README, f"is not fetched again for {DEFAULTS.cache.refused_seconds / 60:g} minutes"),
        (README, f"up to {DEFAULTS.overload.media_mib} MiB of pictures in hand"),
        (README, f"may have {MAX_WORK_PIXELS // 1_000_000} million pixels in all its frames together"),
        (
            README,
            f"video {DEFAULTS.limits.max_video_total_pixels // 1_000_000} million "
            "(400 frames of full HD, 900 of 1280 x 720; `limits.max_video_total_pixels`)",
        ),
        (MANUAL, "four times as many connections may be open"),
        (MANUAL, "fetches take three quarters of it, from one host half of those"),
    ],
)
def test_a_figure_is_true(file: str, sentence: str) -> None:
    text = re.sub(r"\s+#?\s*", " ", (repository() / file).read_text("utf-8"))
    assert sentence in text


def test_figures_in_words() -> None:
    assert (connections.PER_REQUEST, FETCH_SHARE, HOST_SHARE) == (4, 0.75, 0.375)
    assert staging.UNCHANGED_SECONDS == 3600  # "an hour at most"
    assert DEFAULTS.cache.failed_seconds == 60  # "what failed for one"
    assert 2 * IDLE == 60  # "keeps its place for up to a minute"
