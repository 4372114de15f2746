"""To whom the gateway puts down an attempt to log in at /admin: to nobody that a client chooses."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import make_app
from tests.support.bare_gateway import Away, bare_gateway

pytestmark = pytest.mark.anyio
RIGHT = {"X-Admin-Secret": "secret"}
CLOUDFLARE = {"CF-Connecting-IP": "2001:db8::1", "CF-Ray": "1"}
FORGED = {"X-Forwarded-For": "192.0.2.9", "X-Real-IP": "192.0.2.9", "True-Client-IP": "192.0.2.9"}


class Lenient(Away):
    """A database that lets everyone in, and remembers who came."""

    def __init__(self) -> None:
        self.came: list[tuple[str, bool]] = []

    async def admin(self, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        if function == "admin_login":
            self.came.append((arguments["p_address"], arguments["p_matched"]))
        return {"allowed": True, "retry_after_ms": None}


async def attempt(
    folder: Path, headers: dict[str, str], peer: str = "127.0.0.1", **settings: Any
) -> tuple[int, list[tuple[str, bool]]]:
    """The status, and what the database was told of the attempt."""
    store = Lenient()
    with bare_gateway(folder, store, **settings) as gateway:
        transport = httpx.ASGITransport(make_app(gateway), client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            answer = await client.get("/admin/api-keys", headers=headers)
    return answer.status_code, store.came


async def test_it_is_put_down_to_the_peer_whatever_the_client_says_of_itself(tmp_path: Path):
    told = await attempt(tmp_path, RIGHT | FORGED, "198.51.100.7", admin_through_tunnel=True)
    assert told == (200, [("198.51.100.7", True)])
    assert await attempt(tmp_path, RIGHT | FORGED, "198.51.100.7") == (403, [])


async def test_through_the_tunnel_it_is_put_down_to_whom_cloudflare_names(tmp_path: Path):
    headers = RIGHT | FORGED | CLOUDFLARE
    open_ = {"admin_through_tunnel": True, "tunnel_hostname": "llm.example.com"}
    told = await attempt(tmp_path, headers, **open_)
    assert told == (200, [("2001:db8::1", True)])


async def test_while_no_tunnel_runs_nobody_is_believed_to_be_another(tmp_path: Path):
    told = await attempt(tmp_path, RIGHT | CLOUDFLARE, admin_through_tunnel=True)
    assert told == (200, [("unknown", True)])


async def test_only_our_own_end_of_the_tunnel_may_name_another(tmp_path: Path):
    headers = RIGHT | CLOUDFLARE
    open_ = {"admin_through_tunnel": True, "tunnel_hostname": "llm.example.com"}
    told = await attempt(tmp_path, headers, "198.51.100.7", **open_)
    assert told == (200, [("198.51.100.7", True)])


async def test_a_name_that_is_no_address_is_not_taken_for_one(tmp_path: Path):
    headers = RIGHT | CLOUDFLARE | {"CF-Connecting-IP": "x'; drop table"}
    open_ = {"admin_through_tunnel": True, "tunnel_hostname": "llm.example.com"}
    told = await attempt(tmp_path, headers, **open_)
    assert told == (200, [("unknown", True)])


async def test_a_closed_tunnel_is_closed_without_a_log_in(tmp_path: Path):
    assert await attempt(tmp_path, RIGHT | CLOUDFLARE) == (403, [])


async def test_a_wrong_secret_is_refused_even_if_the_database_would_let_it_in(tmp_path: Path):
    told = await attempt(tmp_path, {"X-Admin-Secret": "wrong"})
    assert told == (401, [("127.0.0.1", False)])


@pytest.mark.parametrize("shown", [{}, {"X-Admin-Secret": ""}])
async def test_who_shows_no_secret_has_not_guessed(tmp_path: Path, shown: dict[str, str]):
    assert await attempt(tmp_path, shown) == (401, [])


async def test_a_secret_that_is_not_set_matches_nothing(tmp_path: Path):
    told = await attempt(tmp_path, {"X-Admin-Secret": "x"}, admin_secret="")
    assert told == (401, [("127.0.0.1", False)])
