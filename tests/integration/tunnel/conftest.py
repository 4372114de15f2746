"""What tests of the tunnel share: a stand-in for cloudflared, commanded through files."""

from pathlib import Path

import pytest

from tests.e2e.conftest import dsn, upstream
from tests.integration.tunnel.owner import Owner
from tests.integration.tunnel.stand_in import scenario

__all__ = ["dsn", "upstream"]


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """The folder of a stand-in `cloudflared`; `scenario.write` says what it does."""
    folder = tmp_path / "stand-in"
    scenario.install(folder)
    return folder


@pytest.fixture
def owner(tmp_path: Path, stand_in: Path) -> Owner:
    return Owner(tmp_path / "home", stand_in)
