"""What decoding costs, beside what most programs do: open the picture with Pillow, convert it and resize it, whole.

In this process, without a decoder child: what is compared is the work, and not how bytes travel.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from PIL import Image

from config.media import Limits
from model.decode import decode
from model.formats.media import JPEG
from model.plan import Plan
from model.preprocess import ViewSpec
from tests.bench.sizes import Sizes

SPEC = ViewSpec(224, 224, 0.875, "center", "bilinear")
"""The input of the embedded model, nearly: what most classifiers have."""
NAIVE = "Pillow: open, convert, resize (one view)"


def naive(data: bytes) -> None:
    """One view as most programs make it."""
    with Image.open(io.BytesIO(data)) as image:
        whole = image.convert("RGB")
    whole.resize((256, 256 * whole.height // whole.width), Image.Resampling.BILINEAR).crop((16, 0, 240, 192))


def ours(data: bytes, plan: Plan) -> int:
    """As the filter does it; how many views came of it."""
    return len(decode(data, JPEG, Limits(), [SPEC], plan).arrays[0])


def measure(sizes: Sizes, say: Callable[[str], None]) -> dict[str, dict[str, list[float]]]:
    """Seconds by way, for a large JPEG, in turns there and back."""
    data = sizes.photo.make(0)
    megapixels = sizes.photo.width * sizes.photo.height / 1e6
    whole, closely = Plan(tiles=False), Plan()
    ways: dict[str, Callable[[], object]] = {
        NAIVE: lambda: naive(data),
        "filter, the whole (one view)": lambda: ours(data, whole),
        f"filter, parts too ({ours(data, closely)} views)": lambda: ours(data, closely),
    }
    say(f"{sizes.decodes} turns of decoding a JPEG of {megapixels:.0f} megapixels and {len(data) / 1e6:.1f} MB")
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(sizes.decodes):
        for name in ways if turn % 2 == 0 else reversed(list(ways)):
            started = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - started)
    return {f"decoding a JPEG of {megapixels:.0f} megapixels": seconds}
