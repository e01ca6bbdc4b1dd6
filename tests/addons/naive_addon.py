"""The filter as one would write it at first: mitmproxy before pict-rs, an addon that looks at each body, and a 400.

Run by mitmdump, in tests that show what gets round it. `forbidden` stands for what the model refuses.
"""

from __future__ import annotations

from mitmproxy import http


class Naive:
    """Refuses a request whose body holds `forbidden`, and forwards all others."""

    def request(self, flow: http.HTTPFlow) -> None:
        body = flow.request.content or b""
        if b"the model runs out of memory" in body:
            raise MemoryError
        if b"forbidden" in body:
            flow.response = http.Response.make(400, b'{"msg": "rejected", "files": []}')


addons = [Naive()]
