"""What a judge is made of, brought to life: models on each device, decoder processes, and the batcher between them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from config.load import Config
from config.policy import PolicySpec
from model import choice, weights
from model.batcher import Batcher
from model.classifier import Backend
from model.device import Device
from model.errors import ModelError
from model.sandbox import DecoderPool

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What a judge is made of, started: decoders, the models, and each model's label names in order."""

    decoder: DecoderPool
    backend: Backend
    labels: Mapping[str, tuple[str, ...]]

    async def close(self) -> None:
        """End the decoder children and the models' threads."""
        await self.decoder.close()
        self.backend.close()


async def start_parts(config: Config) -> Parts:
    """Load and warm the models (seconds, in a thread) and start the decoders.

    Raises model.ModelError with words for the operator when a model cannot be had, DecoderFailed for the decoders.
    """
    loaded = await asyncio.to_thread(_load, config)
    first = loaded[0]
    settings = config.settings
    specs = [first[name].view for name in config.policy.models]
    parts = Parts(
        DecoderPool(settings.decoder, settings.limits, specs, settings.views),
        Batcher([Device(models, _lanes(models), choice.prepare) for models in loaded]),
        {name: first[name].labels for name in config.policy.models},
    )
    try:
        await parts.decoder.start()
    except BaseException:
        await parts.close()
        raise
    return parts


def check_labels(policy: PolicySpec, labels: Mapping[str, tuple[str, ...]]) -> None:
    """Raise ModelError where a signal wants a label that its model has not; `labels` has those of each model."""
    for name, signal in policy.signals.items():
        missing = [label for label in signal.label_names if label not in labels[signal.model]]
        if missing:
            have = ", ".join(labels[signal.model][:20])
            raise ModelError(f"signal '{name}': model '{signal.model}' has no label {missing[0]!r}; it has: {have}")


def _lanes(models: Mapping[str, weights.LoadedModel]) -> int:
    """Threads that may run these at the same time."""
    return min(model.lanes for model in models.values())


def _load(config: Config) -> list[dict[str, weights.LoadedModel]]:
    """All models, once for each device."""
    choice.leave_a_core()  # how fast an engine is, is measured as it will run
    device = config.settings.device
    places = weights.resolve_devices(device)
    loaded: list[dict[str, weights.LoadedModel]] = []
    for number, place in enumerate(places):
        try:
            loaded.append(_load_onto(place, config))
        except ModelError as error:
            last = number == len(places) - 1
            if device != "auto" or (last and not loaded):
                raise
            log.warning("%s is not used: %s", place, error)
    return loaded


def _load_onto(place: str, config: Config) -> dict[str, weights.LoadedModel]:
    backend = config.settings.backend
    loaded = {name: weights.load(spec, place, backend) for name, spec in config.policy.models.items()}
    check_labels(config.policy, {name: model.labels for name, model in loaded.items()})
    for model in loaded.values():
        model.warm_up()
    return loaded
