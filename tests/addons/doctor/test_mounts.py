"""Which mount a folder lies on: by a table that is given, and by the kernel's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from addons.doctor.mounts import mount_of

TABLE = r"""
1 0 8:1 / / rw - ext4 /dev/sda1 rw
2 1 0:3 / /var/lib rw shared:1 master:2 - xfs /dev/sdb rw
3 2 0:4 / /var/lib/a\040b rw - tmpfs tmpfs rw
4 1 0:5 / /twice rw - xfs /dev/sdc rw
5 4 0:6 / /twice rw - overlay overlay rw
nonsense
"""


@pytest.mark.parametrize(
    ("folder", "kind", "fleeting"),
    [
        ("/srv/x", "ext4", False),
        ("/var/lib/x/y", "xfs", False),
        ("/var/library", "ext4", False),
        ("/var/lib/a b/x", "tmpfs", True),
        ("/twice", "overlay", True),
    ],
)
def test_the_one_that_is_nearest_and_on_top(folder: str, kind: str, fleeting: bool) -> None:
    found = mount_of(Path(folder), TABLE)
    assert found is not None
    assert (found.kind, found.fleeting) == (kind, fleeting)


def test_the_kernels_own_table() -> None:
    found = mount_of(Path("/proc/self"))
    assert found is not None
    assert found.kind == "proc"
    here = mount_of(Path(__file__))
    assert here is not None
    assert os.stat(here.point).st_dev == os.stat(__file__).st_dev


def test_no_table() -> None:
    assert mount_of(Path("/"), "") is None
