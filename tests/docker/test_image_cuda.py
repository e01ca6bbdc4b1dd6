"""The CUDA image, as far as a machine without a GPU can show it: what is in it, and that it judges on a CPU then.

Once: the image has a Python of its own. That its torch finds a GPU is not shown here: that takes NVIDIA's container
toolkit. What it is made of, PyPI's torch as `make` installs it, is what tests/model/ runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.docker.conftest import need_engine
from tests.docker.engine import BASE, HARDENED, docker, image, inspect
from tests.docker.test_image import INSIDE
from tests.running import repository

pytestmark = pytest.mark.once
MOST_MIB = 5500
"""What the image may add to Debian's; 4700 were seen."""
TORCH = """
import importlib.util, torch
print(torch.version.cuda is not None, torch.cuda.is_available(), importlib.util.find_spec("triton"))
"""


@pytest.fixture(scope="module")
def cuda() -> str:
    need_engine()
    return image("cuda")


def test_holds_torch_for_cuda_and_nothing_that_it_does_not_need(cuda: str) -> None:
    ran = docker("run", "--rm", "--network", "none", "--user", "0:0", "--entrypoint", "bash", cuda, "-c", INSIDE)
    lines = ran.stdout.splitlines()
    assert [line for line in lines if not line.startswith("cuda: ")] == []
    assert any("libcudart.so" in line for line in lines)
    ran = docker("run", "--rm", "--network", "none", *HARDENED, "--entrypoint", "python", cuda, "-c", TORCH)
    assert (ran.stdout, ran.stderr) == ("True False None\n", "")


def test_judges_without_a_gpu_too(cuda: str, record_property: Callable[[str, object], None]) -> None:
    mib = (inspect(cuda)["Size"] - inspect(BASE)["Size"]) / 2**20
    record_property("figures", f"the CUDA image adds {mib:.0f} MiB to {BASE}")
    assert mib < MOST_MIB
    mount = ("--volume", f"{repository() / 'model' / 'card.png'}:/card.png:ro")
    ran = docker("run", "--rm", "--network", "none", *HARDENED, *mount, cuda, "classify", "--json", "/card.png")
    assert json.loads(ran.stdout)["outcome"] == "reject"


def test_asks_for_the_gpus(cuda: str) -> None:
    """What NVIDIA's container runtime reads (docs.nvidia.com, container toolkit, "Environment variables")."""
    environment = inspect(cuda)["Config"]["Env"]
    assert {"NVIDIA_VISIBLE_DEVICES=all", "NVIDIA_DRIVER_CAPABILITIES=compute,utility"} <= set(environment)
