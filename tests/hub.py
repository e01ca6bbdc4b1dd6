"""The Hugging Face hub, played by a server on this machine. Put what it has into `Hub.files` and `Hub.repositories`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """As much of huggingface.co as hf_hub_download needs: /owner/name/resolve/revision/file."""

    files: ClassVar[dict[str, bytes]] = {}
    repositories: ClassVar[set[str]] = set()

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, with_body: bool) -> None:
        owner, name, _, revision, file = [*self.path.split("?")[0].strip("/").split("/", 4), "", "", "", "", ""][:5]
        data = self.files.get(f"{owner}/{name}/{file}") if revision in ("main", COMMIT) else None
        self.send_response(200 if data is not None else 404)
        if data is None:
            known = f"{owner}/{name}" in self.repositories
            known_revision = revision in ("main", COMMIT)
            code = "RepoNotFound" if not known else "EntryNotFound" if known_revision else "RevisionNotFound"
            self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{owner}-{name}-{file}"')
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        if with_body and data is not None:
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serve() -> Iterator[str]:
    """The address of a hub that runs."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
