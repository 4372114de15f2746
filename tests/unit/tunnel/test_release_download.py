"""What is asked of GitHub and of a proxy, where only they could be on the other side."""

from pathlib import Path

import httpx
import pytest
from pytest_httpx import HTTPXMock, IteratorStream

import tunnel.download
from tunnel.download import Unreachable, download
from tunnel.errors import TunnelError
from tunnel.releases import release_for

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("no_proxy")]
URL = release_for("linux", "x86_64").url
STORAGE = "https://objects.githubusercontent.com/file?signature=x%2Fy"
PROGRAM = b"program"
PROXY = "http://user:pw@proxy.example:3128/"


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel.download, "PAUSE", 0)
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def bring(target: Path) -> bytes:
    await download(URL, target, len(PROGRAM), lambda *_: None)
    return target.read_bytes()


def body(*parts: bytes) -> IteratorStream:
    return IteratorStream(list(parts))


async def test_a_release_comes_from_where_github_leads(tmp_path: Path, httpx_mock: HTTPXMock):
    (tmp_path / "x").write_bytes(PROGRAM[:3])
    httpx_mock.add_response(url=URL, status_code=302, headers={"Location": STORAGE})
    httpx_mock.add_response(
        url=STORAGE, status_code=206, headers={"Content-Range": "bytes 3-6/7"},
        stream=body(PROGRAM[3:5], PROGRAM[5:]),
    )  # fmt: skip
    assert await bring(tmp_path / "x") == PROGRAM
    for request in httpx_mock.get_requests():
        assert request.headers["Range"] == "bytes=3-"
        assert request.headers["Accept-Encoding"] == "identity"
        assert "Authorization" not in request.headers


async def test_what_leaves_https_is_never_asked_for(tmp_path: Path, httpx_mock: HTTPXMock):
    elsewhere = STORAGE.replace("https", "http")
    httpx_mock.add_response(url=URL, status_code=302, headers={"Location": elsewhere})
    with pytest.raises(TunnelError, match="not HTTPS"):
        await bring(tmp_path / "x")
    assert len(httpx_mock.get_requests()) == 1


async def test_more_than_the_pinned_size_is_never_written(tmp_path: Path, httpx_mock: HTTPXMock):
    httpx_mock.add_response(url=URL, stream=body(PROGRAM, b"!"))  # without a Content-Length
    with pytest.raises(TunnelError, match="larger than the 7 bytes"):
        await bring(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == PROGRAM


async def test_bytes_are_taken_as_they_are_sent(tmp_path: Path, httpx_mock: HTTPXMock):
    """Unpacking would make a small answer large, and leave another file than was published."""
    httpx_mock.add_response(url=URL, headers={"Content-Encoding": "gzip"}, stream=body(PROGRAM))
    assert await bring(tmp_path / "x") == PROGRAM


async def test_a_connection_that_breaks_is_taken_up_again(tmp_path: Path, httpx_mock: HTTPXMock):
    httpx_mock.add_exception(httpx.ReadTimeout("too late"))
    httpx_mock.add_response(url=URL, stream=body(PROGRAM[:4]))
    httpx_mock.add_response(
        url=URL, match_headers={"Range": "bytes=4-"}, status_code=206,
        headers={"Content-Range": "bytes 4-6/7"}, stream=body(PROGRAM[4:]),
    )  # fmt: skip
    assert await bring(tmp_path / "x") == PROGRAM


@pytest.mark.parametrize("proxy", [PROXY, "user:pw@proxy.example:3128"])
async def test_the_proxy_of_the_system_is_used(
    tmp_path: Path, httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch, proxy: str
):
    monkeypatch.setenv("https_proxy", proxy)
    httpx_mock.add_response(url=URL, proxy_url=PROXY, stream=body(PROGRAM))
    assert await bring(tmp_path / "x") == PROGRAM


async def test_hosts_that_need_no_proxy_are_asked_themselves(
    tmp_path: Path, httpx_mock: HTTPXMock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("https_proxy", PROXY)
    monkeypatch.setenv("no_proxy", "github.com")
    httpx_mock.add_response(url=URL, proxy_url=None, status_code=302, headers={"Location": STORAGE})
    httpx_mock.add_response(url=STORAGE, proxy_url=PROXY, stream=body(PROGRAM))
    assert await bring(tmp_path / "x") == PROGRAM


@pytest.mark.parametrize("proxy", ["socks5://user:pw@proxy.example:1080", "ftp://x", "://"])
async def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(Unreachable, match="the proxy of this system") as caught:
        await bring(tmp_path / "x")
    assert "pw" not in str(caught.value)
