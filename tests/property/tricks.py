"""All ways to spoil a draft: what mitmproxy, actix and pict-rs were seen to read otherwise than one thinks.

mangle.py spoils plain bytes. Nothing is checked in any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.property import fields, forms, frames, heads
from tests.property.drafts import Draft

Trick = Callable[[Draft, Random], None]

TRICKS: dict[str, Trick] = {
    "target": heads.target,
    "query": heads.query,
    "staged": heads.staged,
    "method": heads.method,
    "version": heads.version,
    "line end": heads.line_end,
    "preface": heads.preface,
    "headers": fields.headers,
    "fields": fields.fields,
    "length": frames.length,
    "coding": frames.coding,
    "form": forms.form,
    "form again": forms.form,
}
