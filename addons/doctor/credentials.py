"""Checks `token` and `webhook`: the two files with secrets that a configuration may name. None of it is ever told."""

from __future__ import annotations

import stat
from pathlib import Path

from addons.doctor.finding import Finding, Severity
from addons.doctor.lines import Lines
from addons.doctor.patient import Patient
from addons.doctor.words import told
from addons.notify import load_secret
from addons.page.token import load_token
from addons.state import StateError

TOKEN, WEBHOOK = "token", "webhook"
UNSTARTED = "The filter does not start with it."


async def token(patient: Patient) -> list[Finding]:
    """Whether the token for changes on the status page can be used, and by nobody else."""
    admin = patient.config.settings.admin
    if admin.token_path is None:
        return []
    place = Lines(patient.config).place("admin", "token_file")
    try:
        load_token(admin.token_path)
    except StateError as error:
        what, way = told(error)
        return [Finding(TOKEN, Severity.ERROR, f"{place}: {what}", UNSTARTED, way)]
    if admin.address is None:
        what = f"{place}: there is a token, and admin.listen is off"
        cure = Lines(patient.config).change("admin", "token_file", to="''")
        return [Finding(TOKEN, Severity.NOTE, what, "Nothing can be changed where there is no page.", cure)]
    return [Finding(TOKEN, Severity.OK, f"{admin.token_file} holds a token")]


async def webhook(patient: Patient) -> list[Finding]:
    """Whether messages can be signed as the configuration wants it."""
    notify = patient.config.settings.notify
    if not notify.url:
        return []
    lines = Lines(patient.config)
    place = lines.place("notify", "secret_file")
    try:
        secret = load_secret(notify.secret_file)
        mode = _mode(notify.secret_file) if secret else 0
    except StateError as error:
        what, way = told(error)
        return [Finding(WEBHOOK, Severity.ERROR, f"{place}: {what}", UNSTARTED, way)]
    if not secret:
        what = f"{lines.place('notify', 'url')}: messages are not signed"
        cure = f"{lines.change('notify', 'secret_file', to='/etc/pictrs-filter/webhook')} (openssl rand -hex 32)"
        return [Finding(WEBHOOK, Severity.NOTE, what, "Who knows the receiver's address can send it others.", cure)]
    if mode & 0o007:
        what = f"{place}: every user of this machine can read {notify.secret_file} (mode {mode:o})"
        why = "They can sign messages as this filter does."
        return [Finding(WEBHOOK, Severity.WARNING, what, why, f"run `chmod 600 {notify.secret_file}`")]
    return [Finding(WEBHOOK, Severity.OK, "messages are signed")]


def _mode(name: str) -> int:
    """The permissions of a file that was read a moment ago."""
    try:
        return stat.S_IMODE(Path(name).expanduser().stat().st_mode)
    except OSError:
        return 0
