"""What tests of the tunnel share: a stand-in for cloudflared, commanded through files."""

from pathlib import Path

import pytest

from tests.tunnel.stand_in import scenario


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """The folder of a stand-in `cloudflared`; `scenario.write` says what it does."""
    folder = tmp_path / "stand-in"
    scenario.install(folder)
    return folder
