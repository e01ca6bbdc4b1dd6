"""The settings of files: what is refused unseen, how the rest is decoded and looked at, and what becomes of failures.

Those of the network, and the settings as a whole, are in settings.py; the rules that both keep, in section.py.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, ValidationInfo, field_validator

from config.problems import wrong
from config.section import Section

MIB = 1024 * 1024


class Limits(Section):
    """What is refused before anything is decoded. The defaults of pictures are pict-rs's own."""

    max_files: int = Field(10, ge=1, le=100, description="files in one upload (pict-rs: 10, from 0.5 one)")
    max_file_mib: int = Field(40, ge=1, le=1024, description="size of one file in MiB (pict-rs: 40)")
    max_request_mib: int = Field(
        64, ge=1, le=4096, description="size of one request body in MiB, all files together", validate_default=True
    )
    max_side_pixels: int = Field(10_000, ge=1, le=65_535, description="width or height of a picture (pict-rs: 10,000)")
    max_area_pixels: int = Field(
        40_000_000, ge=1, le=1_000_000_000, description="width times height of a picture (pict-rs: 40 million)"
    )
    max_frames: int = Field(900, ge=1, le=100_000, description="frames of an animation or a video (pict-rs: 900)")
    max_video_side_pixels: int = Field(3840, ge=1, le=65_535, description="width or height of a video (pict-rs: 3840)")
    max_video_area_pixels: int = Field(
        8_294_400, ge=1, le=1_000_000_000, description="width times height of a video (pict-rs: 3840 times 2160)"
    )
    max_video_total_pixels: int = Field(
        850_000_000, ge=1, le=100_000_000_000, description="pixels of all frames of a video together"
    )
    max_video_seconds: int = Field(86_400, ge=1, le=86_400, description="how long a video lasts")

    @field_validator("max_request_mib")
    @classmethod
    def _holds_a_file(cls, value: int, info: ValidationInfo) -> int:
        file = info.data.get("max_file_mib", 0)
        if value < file:
            raise wrong(f"must be at least max_file_mib ({file})", "a file travels inside a request")
        return value

    @property
    def max_file_bytes(self) -> int:
        """Size of one file, in bytes."""
        return self.max_file_mib * MIB

    @property
    def max_request_bytes(self) -> int:
        """Size of one request body, in bytes."""
        return self.max_request_mib * MIB


class OverBudget(StrEnum):
    """What happens to a file that takes more views than the budget has."""

    REFUSE = "refuse"
    SAMPLE = "sample"


class Looking(Section):
    """How much of a file the models are shown. A view is one picture of a model's size, and costs one run of it."""

    budget: int = Field(100, ge=1, le=10_000, description="views of one picture or animation")
    video_budget: int = Field(48, ge=1, le=10_000, description="views of one video")
    over_budget: OverBudget = Field(
        OverBudget.REFUSE, description="what happens to a file that takes more views: refuse or sample", strict=False
    )
    tiles: bool = Field(True, description="look closer at parts of large and long pictures")


class Confinement(StrEnum):
    """What happens where the kernel lacks something that decoders are confined by."""

    REQUIRED = "required"
    BEST_EFFORT = "best_effort"


class Decoder(Section):
    """The child processes in which untrusted bytes are decoded."""

    processes: int = Field(2, ge=1, le=64, description="decoder processes; each decodes one file at a time")
    memory_mib: int = Field(2048, ge=256, le=65_536, description="address space of one decoder in MiB (RLIMIT_AS)")
    cpu_seconds: int = Field(10, ge=1, le=600, description="processor time for one file (RLIMIT_CPU)")
    confinement: Confinement = Field(
        Confinement.REQUIRED,
        description="required or best_effort: whether decoders run where Landlock or seccomp is missing",
        strict=False,
    )


class OnFailure(StrEnum):
    """What the gate does with a picture that could not be judged."""

    REFUSE = "refuse"
    PASS = "pass"  # noqa: S105 -- no password


class Failure(Section):
    """What happens when a picture cannot be judged, by cause. `pass` is counted and logged as unscanned."""

    undecodable: OnFailure = Field(OnFailure.REFUSE, description="broken or truncated file", strict=False)
    unsupported: OnFailure = Field(
        OnFailure.REFUSE, description="a format, or a kind of it, that is not judged", strict=False
    )
    too_large: OnFailure = Field(
        OnFailure.REFUSE, description="more pixels, frames, views or parts than are looked at", strict=False
    )
    decoder: OnFailure = Field(OnFailure.REFUSE, description="the decoder process crashed or was killed", strict=False)
    classifier: OnFailure = Field(OnFailure.REFUSE, description="the model failed", strict=False)
    deadline: OnFailure = Field(OnFailure.REFUSE, description="the verdict was not there in time", strict=False)
