"""Numbers of high dynamic range as an ordinary screen shows them: those of PQ, of which it would make something pale.

Light for each number, then what an sRGB screen makes of it: white of 203 nits is white, and what is brighter is drawn
together. Browsers all do that a little differently, and primaries are left alone, so this is for looking at, beside the
numbers as they are. HLG, in which phones film, is made to be shown without: no levels are more than twice as far apart
where it is heeded. Linear and logarithmic numbers are of studios, and refused here as in stills
(model/formats/cicp.py).
Sources: ITU-R BT.2100, table 4; BT.2408 for the white; ITU-T H.273, table 3; IEC 61966-2-1.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from model.errors import Unsupported
from model.formats.cicp import is_ordinary_transfer

PQ, HLG = 16, 18
"""TransferCharacteristics of H.273."""
WHITE_NITS = 203.0
KNEE = 0.6
"""Share of white from which on light is drawn together."""
_RESERVED = (0, 3)
"""These say nothing, and are taken for unspecified."""


def check_transfer(transfer: int) -> None:
    """Raise Unsupported for a number of H.273 of which no screen is known."""
    if transfer not in (PQ, HLG, *_RESERVED) and not is_ordinary_transfer(transfer):
        raise Unsupported(f"a video whose numbers have the transfer function {transfer} of H.273")


@cache
def curve(transfer: int) -> tuple[int, ...] | None:
    """The level of an ordinary screen, 0 to 255, for each of 256 levels of PQ; None for other functions."""
    if transfer != PQ:
        return None
    light = _pq(np.linspace(0.0, 1.0, 256)) / WHITE_NITS
    over = np.maximum(light - KNEE, 0.0) / (1 - KNEE)
    light = np.minimum(light, KNEE) + (1 - KNEE) * (1 - np.exp(-over))
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return tuple(int(level) for level in np.rint(255 * shown))


def _pq(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nits of 0 to 1."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = levels ** (1 / m2)
    return np.asarray(10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1))
