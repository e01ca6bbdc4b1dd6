"""Why a picture could not be judged, or a model not be loaded (ModelError).

A JudgeError carries a cause, for which the operator may choose what happens (settings.failure).

    JudgeError
    |- Undecodable        the file is broken, truncated or not what it says
    |- Unsupported        a format that is not judged
    |- TooLarge           more pixels or frames than the limits allow
    |- DecoderFailed      the decoder process crashed, was killed or answered nonsense
    |- ClassifierFailed   the model raised, is not ready, or answered nonsense
    `- DeadlineExceeded   the verdict was not there in time
       `- Overloaded      and would not be: so many are before it that it was not begun

The first three are the sender's fault (4xx), the others ours (503). The message is for the log; what a client is told
stands in addons/pictrs/answers.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal


class ModelError(Exception):
    """A model cannot be loaded, or is no classifier of pictures. The message is an instruction for the operator."""


Cause = Literal["undecodable", "unsupported", "too_large", "decoder", "classifier", "deadline"]


class JudgeError(Exception):
    """Base: the picture was not judged. `cause` names the setting that says what happens then."""

    cause: ClassVar[Cause]
    sender_at_fault: ClassVar[bool] = False


class Undecodable(JudgeError):
    """The file is broken, truncated or not what it says it is."""

    cause = "undecodable"
    sender_at_fault = True


class Unsupported(JudgeError):
    """A format that is not judged."""

    cause = "unsupported"
    sender_at_fault = True


class TooLarge(JudgeError):
    """More pixels or frames than the limits allow."""

    cause = "too_large"
    sender_at_fault = True


class DecoderFailed(JudgeError):
    """The decoder process crashed, was killed or answered nonsense."""

    cause = "decoder"


class ClassifierFailed(JudgeError):
    """The model raised, is not ready, or answered nonsense."""

    cause = "classifier"


class DeadlineExceeded(JudgeError):
    """The verdict was not there in time."""

    cause = "deadline"


class Overloaded(DeadlineExceeded):
    """The verdict would not be there in time, for all those who came before. Told at once."""


@contextmanager
def enough_memory() -> Iterator[None]:
    """Turn the lack of memory into TooLarge."""
    try:
        yield
    except MemoryError as error:
        raise TooLarge("it needs more memory than a decoder has") from error
