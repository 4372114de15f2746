"""Which cloudflared is used, and what it may know of our environment."""

from pathlib import Path

import pytest

from tests.support.cloudflared import scenario
from tunnel import program
from tunnel.errors import TunnelError
from tunnel.program import find

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def bare_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with nothing in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


async def test_the_named_one_is_used(stand_in: Path, tmp_path: Path):
    found = await find(stand_in / "cloudflared", tmp_path)
    assert found == program.Program(stand_in / "cloudflared", "2026.8.2")


async def test_one_of_the_owners_own_making_is_used_where_it_is_named(
    stand_in: Path, tmp_path: Path
):
    scenario.write(stand_in, version="DEV")
    found = await find(stand_in / "cloudflared", tmp_path)
    assert found is not None
    assert found.version == "unknown"


@pytest.mark.parametrize(
    "body",
    [None, "#!/bin/sh\nexit 1\n", "#!/bin/sh\necho hello\n", "no program", "#!/nonexistent\n"],
)
async def test_a_named_one_that_is_none_is_refused(tmp_path: Path, body: str | None):
    named = tmp_path / "named"
    if body is not None:
        named.write_text(body)
        named.chmod(0o700)
    with pytest.raises(TunnelError, match="does not run as cloudflared does: correct it, or leave"):
        await find(named, tmp_path)


async def test_a_named_one_that_is_too_old_is_refused(stand_in: Path, tmp_path: Path):
    scenario.write(stand_in, version="2025.6.0")
    with pytest.raises(TunnelError, match=r"is 2025\.6\.0, older than 2025\.6\.1: update it"):
        await find(stand_in / "cloudflared", tmp_path)


async def test_one_on_path_is_used_unless_it_is_too_old_or_broken(
    stand_in: Path, tmp_path: Path, bare_path: Path
):
    said: list[str] = []
    (bare_path / "cloudflared").symlink_to(stand_in / "cloudflared")
    found = await find(None, tmp_path, said.append)
    assert found == program.Program(bare_path / "cloudflared", "2026.8.2")
    assert said == []
    for version in ("2025.6.0", "DEV"):
        scenario.write(stand_in, version=version)
        assert await find(None, tmp_path, said.append) is None
    assert (
        said
        == [f"{bare_path / 'cloudflared'} is older than 2025.6.1 or does not run: not used."] * 2
    )
