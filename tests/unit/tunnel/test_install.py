"""Installing the pinned cloudflared: verified before it can be executed, or removed and named."""

import stat
from pathlib import Path

import pytest

import tunnel.download
from tests.support.tunnel.release_server import (
    PROGRAM,
    archive,
    client_tls,
    release_server,
    served,
)
from tunnel.errors import TunnelError
from tunnel.install import install
from tunnel.releases import RELEASES, VERSION, Release

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("at_once")]
PLAIN, PACKED = "cloudflared-linux-amd64", "cloudflared-darwin-arm64.tgz"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel.download, "PAUSE", 0)


async def put(release: Release, folder: Path, said: list[str] | None = None) -> Path:
    said = [] if said is None else said
    return await install(release, folder, said.append, lambda *_: None, client_tls())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def executables(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.stat().st_mode & 0o111]


async def test_a_good_file_is_installed_and_nothing_else_is_left(tmp_path: Path):
    said: list[str] = []
    async with release_server() as server:
        release = served(server, PLAIN, PROGRAM)
        program = await put(release, tmp_path / "tunnel", said)
        assert await put(release, tmp_path / "tunnel") == program  # the second time it is there
    assert program.read_bytes() == PROGRAM
    assert stat.S_IMODE(program.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "tunnel").stat().st_mode) == 0o700
    assert names(tmp_path / "tunnel") == ["cloudflared-2026.8.2", "install.lock"]
    assert len(server.asked) == 1
    assert said == [f"Downloading {release.url} (0 MB)."]


async def test_the_program_of_an_archive_is_installed(tmp_path: Path):
    async with release_server() as server:
        program = await put(served(server, PACKED, archive()), tmp_path)
    assert program.read_bytes() == PROGRAM
    assert names(tmp_path) == ["cloudflared-2026.8.2", "install.lock"]


@pytest.mark.parametrize("file", [PLAIN, PACKED])
async def test_a_wrong_file_is_removed_and_named_and_never_executable(tmp_path: Path, file: str):
    wrong = PROGRAM[:-1] + b"!"
    async with release_server() as server:
        body = wrong if file == PLAIN else archive(wrong)
        with pytest.raises(TunnelError, match=r"is not what Cloudflare published .* was removed"):
            await put(served(server, file, body), tmp_path)
    assert names(tmp_path) == ["install.lock"]


@pytest.mark.parametrize(
    "packed",
    [
        archive()[:-5000],
        archive(name="../cloudflared"),
        archive(name="/cloudflared"),
        archive(name="bin/cloudflared"),
        archive(kind=b"2"),  # a symbolic link
        archive(kind=b"1"),  # a hard link
        archive(kind=b"6"),  # a pipe
        archive(kind=b"5"),  # a directory
        b"\x1f\x8b" + bytes(3000),
        bytes(3000),
    ],
    ids=["cut", "above", "absolute", "below", "link", "hard", "pipe", "folder", "gzip", "zeros"],
)
async def test_an_archive_without_the_plain_program_is_removed(tmp_path: Path, packed: bytes):
    folder = tmp_path / "tunnel"
    async with release_server() as server:
        with pytest.raises(TunnelError, match="is not what Cloudflare published"):
            await put(served(server, PACKED, packed), folder)
    assert names(folder) == ["install.lock"]
    assert names(tmp_path) == ["tunnel"]


async def test_a_truncated_file_is_completed_by_the_next_run(tmp_path: Path):
    async with release_server() as server:
        release = served(server, PLAIN, PROGRAM)
        server.cuts = [1000] + [0] * (tunnel.download.TRIES - 1)
        with pytest.raises(TunnelError, match="could not be downloaded") as caught:
            await put(release, tmp_path)
        assert executables(tmp_path) == []
        assert (tmp_path / f"{PLAIN}.{VERSION}.part").stat().st_size == 1000
        server.asked.clear()
        program = await put(release, tmp_path)
        assert server.asked == ["bytes=1000-"]
    assert program.read_bytes() == PROGRAM
    told = str(caught.value)  # the manual step, in one line
    assert f"bring {release.url} from elsewhere, put it into {tmp_path} and run this" in told
    assert "\n" not in told


async def test_a_file_put_there_by_hand_needs_no_network(tmp_path: Path):
    async with release_server() as server:
        plain, packed = served(server, PLAIN, PROGRAM), served(server, PACKED, archive())
    for release, body in ((plain, PROGRAM), (packed, archive())):
        folder = tmp_path / release.file
        folder.mkdir()
        (folder / release.file).write_bytes(body)
        assert (await put(release, folder)).read_bytes() == PROGRAM
        assert not (folder / release.file).exists()


async def test_an_installed_program_that_was_changed_is_replaced(tmp_path: Path):
    async with release_server() as server:
        release = served(server, PLAIN, PROGRAM)
        program = await put(release, tmp_path)
        program.write_bytes(b"#!/bin/sh\necho mine\n")
        assert (await put(release, tmp_path)).read_bytes() == PROGRAM
        assert len(server.asked) == 2
        elsewhere = program.rename(tmp_path / "elsewhere")
        program.symlink_to(elsewhere)  # what it leads to may change after it was looked at
        assert not (await put(release, tmp_path)).is_symlink()


async def test_older_versions_make_room(tmp_path: Path):
    (tmp_path / "cloudflared-2025.1.0").write_bytes(b"old")
    async with release_server() as server:
        await put(served(server, PLAIN, PROGRAM), tmp_path)
    assert executables(tmp_path) == ["cloudflared-2026.8.2"]
    assert not (tmp_path / "cloudflared-2025.1.0").exists()


def test_each_pinned_file_has_a_whole_sum_of_its_own():
    sums = {release.sha256 for release in RELEASES.values()}
    assert len(sums) == 5
    assert all(len(each) == 64 and set(each) <= set("0123456789abcdef") for each in sums)
    for release in RELEASES.values():
        assert 10**7 < release.size < 10**8
        assert release.url.startswith("https://github.com/cloudflare/cloudflared/releases/")
        assert release.url.endswith(f"/2026.8.2/{release.file}")
