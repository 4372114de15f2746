"""What could not be installed here: a test that needs it is skipped, but never in continuous
integration, where nothing would tell that it has not run for months."""

import os
from typing import NoReturn

import pytest

IN_CI = bool(os.environ.get("CI"))


def lacking(what: str) -> NoReturn:
    """For what this platform can have. Where there is none for it, `pytest.skip` is right."""
    if IN_CI:
        pytest.fail(what)
    pytest.skip(what)
