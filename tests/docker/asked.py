"""The doctor's checks of the network, for a box: `python -m tests.docker.asked FILE OUTSIDE quick|all` prints JSON."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from addons.admin.doctor import doctor
from tests.addons.doctor.wards import NETWORK

if __name__ == "__main__":
    file, outside, how = sys.argv[1:]
    sys.exit(asyncio.run(doctor(Path(file), outside=outside, quick=how == "quick", as_json=True, checks=NETWORK)))
