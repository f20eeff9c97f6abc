"""Work of another user of this machine."""

import json
import os
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest

_NOBODY = 65534


def as_another_user(work: Callable[[], object]) -> Any:
    """Return what some work returns in a process of another user, by way of JSON."""
    if os.geteuid() != 0:
        pytest.skip("only root may become another user")
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # The child only does the work, which needs no other thread.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)
            os.write(writing, json.dumps(work()).encode())
        except BaseException:
            os.write(writing, json.dumps(traceback.format_exc()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as result:
        return json.loads(result.read())
