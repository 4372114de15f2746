"""A stand-in for cloudflared, and its owner. A conftest that wants them imports them."""

from pathlib import Path

import pytest

from tests.support.cloudflared import scenario
from tests.support.tunnel.owner import Owner


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """The folder of a stand-in `cloudflared`; `scenario.write` says what it does."""
    folder = tmp_path / "stand-in"
    scenario.install(folder)
    return folder


@pytest.fixture
def owner(tmp_path: Path, stand_in: Path) -> Owner:
    return Owner(tmp_path / "home", stand_in)
