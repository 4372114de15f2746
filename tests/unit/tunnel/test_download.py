"""One file over HTTPS: whole, going on where the line broke, and never more than it should be."""

import errno
import io
import os
import stat
from pathlib import Path

import pytest

import tunnel.download
from tests.support.tunnel.release_server import (
    PROGRAM,
    ReleaseServer,
    client_tls,
    release_server,
)
from tunnel.download import TRIES, Unreachable, download
from tunnel.errors import TunnelError

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("at_once")]
SIZE = len(PROGRAM)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another try follows at once."""
    monkeypatch.setattr(tunnel.download, "PAUSE", 0)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


async def bring(server: ReleaseServer, target: Path, size: int = SIZE) -> list[tuple[int, int]]:
    steps: list[tuple[int, int]] = []
    await download(server.url("file"), target, size, lambda *at: steps.append(at), client_tls())
    return steps


async def test_it_comes_whole_with_progress_and_only_its_owner_may_read_it(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        old = os.umask(0)
        try:
            steps = await bring(server, tmp_path / "x")
        finally:
            os.umask(old)
    assert (tmp_path / "x").read_bytes() == PROGRAM
    assert steps[-1] == (SIZE, SIZE)
    assert steps == sorted(steps)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


async def test_after_a_cut_only_the_rest_is_asked_for(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        server.cuts = [100_000, 50_000]
        await bring(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == PROGRAM
    assert server.asked[0] is None
    starts = [int((asked or "").removeprefix("bytes=").rstrip("-")) for asked in server.asked[1:]]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] < SIZE


async def test_a_later_run_goes_on_where_an_earlier_one_ended(tmp_path: Path):
    (tmp_path / "x").write_bytes(PROGRAM[:1000])
    async with release_server(file=PROGRAM) as server:
        await bring(server, tmp_path / "x")
    assert server.asked == ["bytes=1000-"]
    assert (tmp_path / "x").read_bytes() == PROGRAM


async def test_a_server_that_knows_no_ranges_is_asked_for_all_again(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"y" * 1000)
    async with release_server(file=PROGRAM) as server:
        server.ranges = False
        await bring(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == PROGRAM


async def test_a_server_that_continues_elsewhere_is_not_believed(tmp_path: Path):
    (tmp_path / "x").write_bytes(PROGRAM[:1000])
    async with release_server(file=PROGRAM) as server:
        server.wrong_range = True
        await bring(server, tmp_path / "x")
    assert server.asked == ["bytes=1000-", None]
    assert (tmp_path / "x").read_bytes() == PROGRAM


async def test_a_file_that_is_too_long_on_the_disk_begins_anew(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"y" * (SIZE + 1))
    async with release_server(file=PROGRAM) as server:
        await bring(server, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == PROGRAM


async def test_what_is_larger_than_the_release_is_refused(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        with pytest.raises(TunnelError, match="larger than the 1000 bytes"):
            await bring(server, tmp_path / "x", 1000)
    assert (tmp_path / "x").stat().st_size <= 1000


async def test_a_server_that_fails_is_asked_again_and_then_named(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        server.statuses = [503, 429, 500]
        await bring(server, tmp_path / "x")
        server.statuses = [503] * TRIES
        server.asked.clear()
        with pytest.raises(Unreachable, match="answers 503"):
            await bring(server, tmp_path / "y")
        assert len(server.asked) == TRIES


async def test_a_file_that_is_not_there_is_not_asked_for_again(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        server.statuses = [404]
        with pytest.raises(Unreachable, match="answers 404"):
            await bring(server, tmp_path / "x")
    assert server.asked == [None]


async def test_a_server_that_is_not_there_is_named(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        pass
    with pytest.raises(Unreachable):
        await bring(server, tmp_path / "x")


async def test_a_name_that_nobody_knows_is_told_in_words(tmp_path: Path):
    with pytest.raises(Unreachable) as told:
        await download("https://localllm.invalid/x", tmp_path / "x", SIZE, lambda *_: None)
    assert "Errno" not in str(told.value)


async def test_redirects_are_followed_by_https_only(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        server.redirect = "/moved"
        await bring(server, tmp_path / "x")
        assert (tmp_path / "x").read_bytes() == PROGRAM
        server.redirect = f"http://localhost:{server.port}/moved"
        with pytest.raises(TunnelError, match="not HTTPS"):
            await bring(server, tmp_path / "y")
        server.redirect = "/elsewhere"
        with pytest.raises(TunnelError, match="more than 5 times"):
            await bring(server, tmp_path / "z")
        server.redirect = "https://["
        with pytest.raises(TunnelError, match=r"leads to https://\[, which is no address"):
            await bring(server, tmp_path / "v")


async def test_a_server_with_a_certificate_that_nobody_vouches_for_is_not_believed(tmp_path: Path):
    async with release_server(file=PROGRAM) as server:
        with pytest.raises(Unreachable, match="certificate"):
            await download(server.url("file"), tmp_path / "x", SIZE, lambda *_: None)
    assert server.asked == []


class FullDisk(io.FileIO):
    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tunnel.download, "_opened", lambda path: FullDisk(path, "w+"))
    async with release_server(file=PROGRAM) as server:
        with pytest.raises(TunnelError, match=r"The disk of .* is full: free some space"):
            await bring(server, tmp_path / "x")
