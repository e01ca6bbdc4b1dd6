"""What `docker compose config` writes, as JSON or YAML, read and looked over; anything else is told apart in words.

A compose file as an administrator wrote it is refused: only compose itself knows what comes out of several files, of
variables and of `extends`. It is told by its short forms, which `config` never writes (compose-spec, "Services").
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

WANTED = "docker compose config --format json"
MAX_BYTES = 16 * 1024 * 1024
"""Of such a text. A large project has 100 kB."""
_LONG_FORMS = {"environment": dict, "networks": dict, "depends_on": dict}
"""Keys of a service that `config` writes as mappings, always."""


class ComposeError(Exception):
    """This is not what `docker compose config` writes; the message says what it is, and what to do."""


def read(data: bytes) -> dict[str, Any]:
    """The project in `data`. Raises ComposeError."""
    found = _parsed(data)
    if not isinstance(found, dict):
        raise ComposeError(f"holds no mapping (write it with `{WANTED}`)")
    services = found.get("services")
    if not isinstance(services, dict) or not services:
        raise ComposeError(f"has no services (write it with `{WANTED}`, in the folder of Lemmy's docker-compose.yml)")
    for name, said in services.items():
        if not isinstance(said, dict):
            raise ComposeError(f"has a service {name!r} that is no mapping (write it with `{WANTED}`)")
        for key in _short(said):
            raise ComposeError(
                f"is a compose file as it was written (services.{name}.{key} is in its short form), not what compose "
                f"makes of it together with the override (write that with `{WANTED}`)"
            )
    if "name" not in found:
        raise ComposeError(f"has no project name, so compose did not write it (write it with `{WANTED}`)")
    return found


def _parsed(data: bytes) -> object:
    if len(data) > MAX_BYTES:
        raise ComposeError(f"is larger than {MAX_BYTES} bytes")
    if not data.strip():
        raise ComposeError(f"is empty (did `{WANTED}` fail? run it alone and look)")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        pass
    try:
        return yaml.safe_load(data)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ComposeError(
            f"is neither JSON nor YAML: line {line}: {error.problem} (was an error message in it?)"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ComposeError("is neither JSON nor YAML") from None


def _short(said: dict[str, Any]) -> Iterator[str]:
    """Keys of a service that are in a short form."""
    for key, kind in _LONG_FORMS.items():
        if said.get(key) is not None and not isinstance(said[key], kind):
            yield key
    for key in ("ports", "volumes"):
        rows = said.get(key) or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            yield key
