"""Which cloudflared is used, and what it may know of our environment."""

import os
import sys
from pathlib import Path

import pytest

from tests.integration.tunnel.stand_in import scenario
from tunnel import program
from tunnel.errors import TunnelError
from tunnel.program import environment, find
from tunnel.releases import Release, release_for, version_in

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


async def test_ours_is_used_only_if_it_is_the_pinned_one_to_the_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    ours = Release(
        "cloudflared-linux-amd64",
        5,
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    )
    monkeypatch.setattr(program, "release_for", lambda: ours)
    assert await find(None, tmp_path) is None
    (tmp_path / "cloudflared-2026.8.2").write_bytes(b"hello")
    found = await find(None, tmp_path)
    assert found == program.Program(tmp_path / "cloudflared-2026.8.2", "2026.8.2")
    assert os.access(found.path, os.X_OK)
    (tmp_path / "cloudflared-2026.8.2").write_bytes(b"hallo")
    assert await find(None, tmp_path) is None


def test_no_secret_and_no_other_setting_reaches_cloudflared():
    environ = {
        "PATH": "/bin", "HOME": "/home/me", "Path": "C:\\", "SystemRoot": "C:\\Windows",
        "TUNNEL_EDGE": "127.0.0.1:1", "ADMIN_SECRET": "x", "SUPABASE_SERVICE_KEY": "x",
        "DATABASE_URL": "x", "TUNNEL_TOKEN": "x", "TUNNEL_TOKEN_FILE": "x", "TUNNEL_URL": "x",
        "TUNNEL_LOGLEVEL": "debug", "TUNNEL_CONFIG": "x", "TUNNEL_CRED_CONTENTS": "x",
        "TUNNEL_METRICS": "0.0.0.0:1", "TUNNEL_NO_CHUNKED_ENCODING": "true",
    }  # fmt: skip
    assert environment(environ).keys() == {"PATH", "HOME", "Path", "SystemRoot", "TUNNEL_EDGE"}


@pytest.mark.parametrize(
    ("system", "machine", "file"),
    [
        ("linux", "x86_64", "cloudflared-linux-amd64"),
        ("linux", "aarch64", "cloudflared-linux-arm64"),
        ("darwin", "x86_64", "cloudflared-darwin-amd64.tgz"),
        ("darwin", "arm64", "cloudflared-darwin-arm64.tgz"),
        ("win32", "AMD64", "cloudflared-windows-amd64.exe"),
        ("win32", "ARM64", "cloudflared-windows-amd64.exe"),
    ],
)
def test_each_system_gets_its_file(system: str, machine: str, file: str):
    assert release_for(system, machine).file == file
    assert release_for(system, machine).program.endswith(".exe") == (system == "win32")


@pytest.mark.parametrize(("system", "machine"), [("linux", "riscv64"), ("freebsd14", "amd64")])
def test_another_system_is_told_what_to_do(system: str, machine: str):
    with pytest.raises(TunnelError, match="install it yourself and name it in CLOUDFLARED_PATH"):
        release_for(system, machine)


def test_this_machine_has_a_file():
    if sys.platform in {"linux", "darwin", "win32"}:
        assert release_for() in {release_for(), release_for(sys.platform)}


def test_versions_are_read_from_what_it_prints():
    assert version_in("cloudflared version 2026.8.2 (built 2026-08-14T12:00 UTC)") == (2026, 8, 2)
    assert version_in("cloudflared version 2025.11.10 (built x)") == (2025, 11, 10)
    assert version_in("cloudflared version DEV (built unknown)") is None
    assert version_in("") is None
