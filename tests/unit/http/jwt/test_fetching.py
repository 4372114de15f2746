"""The key set of a team: what of it is used, and what is said where there is none."""

import gzip
import json

import httpx
import pytest
from pytest_httpx import HTTPXMock, IteratorStream

from gateway.http.jwt.fetching import fetch_keys
from gateway.http.jwt.public_keys import KeysUnavailable
from tests.support.access_team import Key

pytestmark = pytest.mark.anyio
URL = "https://team.cloudflareaccess.com/cdn-cgi/access/certs"
KEY = Key("first")
PUBLISHED = json.dumps({"keys": [KEY.public()], "public_certs": []}).encode()


def body(*parts: bytes) -> IteratorStream:
    return IteratorStream(list(parts))


async def test_the_keys_of_a_team_are_fetched_by_name(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, stream=body(PUBLISHED[:100], PUBLISHED[100:]))
    assert list(await fetch_keys(URL)) == ["first"]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_any_other_status_is_no_key_set(httpx_mock: HTTPXMock, status: int) -> None:
    """A redirect is not followed: keys are taken from the team's own address only."""
    headers = {"Location": "https://elsewhere.example/keys"}
    httpx_mock.add_response(url=URL, status_code=status, headers=headers, stream=body(PUBLISHED))
    with pytest.raises(KeysUnavailable, match=f"answered {status}"):
        await fetch_keys(URL)
    assert len(httpx_mock.get_requests()) == 1


async def test_an_answer_without_end_is_cut(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_response(url=URL, stream=body(*[b" " * 1024] * 300))
    with pytest.raises(KeysUnavailable, match="too large"):
        await fetch_keys(URL)


async def test_nothing_is_unpacked(httpx_mock: HTTPXMock) -> None:
    """A small answer could become a huge one."""
    packed = gzip.compress(PUBLISHED)
    httpx_mock.add_response(url=URL, headers={"Content-Encoding": "gzip"}, stream=body(packed))
    with pytest.raises(KeysUnavailable, match="not a set of keys"):
        await fetch_keys(URL)
    assert httpx_mock.get_requests()[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (httpx.ReadTimeout(""), "no answer in time"),
        (httpx.ConnectError("certificate verify failed"), "certificate verify failed"),
        (httpx.RemoteProtocolError(""), "RemoteProtocolError"),
    ],
)
async def test_a_team_that_cannot_be_reached_is_named(
    httpx_mock: HTTPXMock, problem: Exception, said: str
) -> None:
    httpx_mock.add_exception(problem)
    with pytest.raises(KeysUnavailable, match=said):
        await fetch_keys(URL)
