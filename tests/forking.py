"""A process that forks for every line of its input: quicker than an interpreter for each, and each fork has one thread.

A line is JSON, what the fork is told; so is the answer, {"status": exit status or minus the signal, "said": output}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable


def fork_for_each_line(obey: Callable[..., None]) -> None:
    """`obey` is called in each fork, with the line's object as its arguments; raising ends the fork with 1."""
    for line in sys.stdin:
        reading, writing = os.pipe()
        if (fork := os.fork()) == 0:
            os.dup2(writing, 1)
            os.dup2(writing, 2)
            os.closerange(3, 64)
            _obey(obey, line)
        os.close(writing)
        with open(reading, errors="replace") as pipe:
            said = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
        print(json.dumps({"status": status, "said": said}), flush=True)


def _obey(obey: Callable[..., None], line: str) -> None:
    status = 1
    try:
        obey(**json.loads(line))
        status = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)
