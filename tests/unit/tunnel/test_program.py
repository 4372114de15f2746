"""What cloudflared may know of our environment, and which file of a release is ours."""

import os
import sys
from pathlib import Path

import pytest

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
