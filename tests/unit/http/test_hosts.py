"""Names of websites do not lead to this server, however DNS is made to lie."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config import settings as settings_table
from gateway.config.settings import Settings
from gateway.core.host_names import host_pattern
from gateway.http import hosts
from gateway.http.hosts import Hosts, host_name
from tests.unit.http.test_middleware import SITE, ask
from tunnel.status_file import StatusWatcher, TunnelStatus

pytestmark = pytest.mark.anyio

NEAR = [
    *("localhost", "localhost:8000", "LOCALHOST", "a.localhost", "127.0.0.1:8000", "127.8.8.8"),
    *("[::1]:8000", "[::1]", "10.0.0.5:8000", "192.168.1.2", "[fd00::1]:8000", "[fe80::1]"),
    *("localllm:8000", "box.local", "host.docker.internal:8000", "nas.lan", "pi.home.arpa", ""),
    *("100.101.102.103:8000", "localhost."),
]
FORGED = [
    *("evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"),
    *("8.8.8.8", "[2606:4700::1]:8000", "evil.localhost.example", "evillocal.example"),
    *("x.trycloudflare.com", "llm.example.com.evil.example", "evil.example.", "a b.example"),
    *("127.0.0.1@evil.example", "[::1]evil.example.com:80", "evil.example:80:80"),
]

WRITTEN_WRONG = [
    *("a b", "a/b", "user@nas", "nas\x7f", "nas,evil", "<nas>", "http://nas", "nas:http", "nas:-1"),
    *("localhost:1:2", "[::1", "::1]", "[::1]:x", "[::g]", "na[s]", "localhost:\u00b2"),
]


@pytest.mark.parametrize("path", ["/v1/usage", "/health", "/", "/admin/api-keys"])
@pytest.mark.parametrize("host", NEAR)
async def test_names_of_this_machine_and_its_network_are_answered(host: str, path: str):
    assert (await ask(path, headers={"host": host})).reached


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/usage", "/health", "/", "/admin/api-keys", "/v1/messages"])
@pytest.mark.parametrize("host", FORGED[:5])
async def test_a_website_that_leads_its_name_here_reaches_nothing(
    host: str, path: str, method: str
):
    """Its own page asks, so the browser sends its origin, which is that of the forged name."""
    answer = await ask(path, method, {"host": host, "origin": f"http://{host}"})
    assert (answer.status, answer.reached) in [(421, False), (403, False)]
    assert answer.header("access-control-allow-origin") is None


@pytest.mark.parametrize("host", FORGED)
async def test_a_name_of_nobody_is_refused_and_the_setting_is_named(host: str):
    answer = await ask(headers={"host": host})
    assert (answer.status, answer.reached) == (421, False)
    assert b"ALLOWED_HOSTS" in answer.body


@pytest.mark.parametrize("host", WRITTEN_WRONG)
async def test_what_cannot_be_a_name_is_no_name_of_the_network(host: str):
    answer = await ask(headers={"host": host})
    assert (answer.status, answer.reached) == (421, False)


async def test_the_address_that_was_called_is_one_of_the_machine_s_own():
    """As the health check of a load balancer does it."""
    answer = await ask(headers={"host": "8.8.8.8:8000"}, server=("8.8.8.8", 8000))
    assert answer.reached
    assert not (await ask(headers={"host": "8.8.8.8"}, server=("10.0.0.9", 8000))).reached


NAMED = {"tunnel_hostname": "llm.example.com", "allowed_hosts": ("proxy.example", "*.a.example")}


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("llm.example.com", True),
        ("LLM.example.com:443", True),
        ("proxy.example", True),
        ("x.a.example", True),
        ("x.y.a.example", True),
        ("a.example", False),
        ("xa.example", False),
        ("x.proxy.example", False),
    ],
)
async def test_the_tunnel_s_name_and_those_of_the_settings_are_answered(host: str, served: bool):
    assert (await ask(headers={"host": host}, changes=NAMED)).reached is served


@pytest.mark.parametrize("host", ["llm.example.com", "proxy.example", "x.a.example"])
async def test_who_asks_for_a_name_known_outside_is_outside_whatever_tunnel_it_was(host: str):
    """A tunnel of bare TCP, such as ssh's or Tailscale's, adds no header."""
    for path in ("/admin/usage", "/docs"):
        assert not (await ask(path, headers={"host": host}, changes=NAMED)).reached
    opened = {**NAMED, "admin_through_tunnel": True}
    assert (await ask("/admin/usage", headers={"host": host}, changes=opened)).reached


@pytest.mark.parametrize("mark", ["x-forwarded-for", "forwarded", "tailscale-funnel-request"])
async def test_any_proxy_is_outside_like_cloudflare(mark: str):
    assert not (await ask("/admin/usage", headers={mark: "127.0.0.1"})).reached


class Watcher(StatusWatcher):
    """Of a tunnel that gets its name at the first look."""

    def __init__(self) -> None:
        super().__init__(Path())
        self.looks = 0

    async def refresh(self) -> TunnelStatus | None:
        self.looks += 1
        name = "some-words.trycloudflare.com"
        self.status = TunnelStatus("connected", 0.0, "quick", name, 1, "", "1", 1, 1.0)
        return self.status


async def test_the_name_of_a_trial_tunnel_counts_as_soon_as_it_has_one():
    watcher = Watcher()
    hosts = Hosts(Settings(), watcher)
    scope: dict[str, Any] = {}
    assert await hosts.refusal(scope, b"some-words.trycloudflare.com") is None
    assert await hosts.refusal(scope, b"other-words.trycloudflare.com") is not None
    assert hosts.is_outside(scope, {b"host": b"some-words.trycloudflare.com"})


async def test_the_public_name_is_that_of_the_tunnel_here_once_it_has_one_or_else_the_set_one():
    watcher = StatusWatcher(Path())
    own, trial = (
        Hosts(Settings(tunnel_hostname="llm.example.com"), watcher),
        Hosts(Settings(), watcher),
    )
    assert (own.public_name, trial.public_name) == ("llm.example.com", "")
    for name in ("", "some-words.trycloudflare.com"):
        watcher.status = TunnelStatus("starting", 0.0, "quick", name, 0, "", "1", 1, 1.0)
        assert own.public_name == (name or "llm.example.com")
        assert trial.public_name == name


async def test_names_of_nobody_s_do_not_keep_the_disk_busy():
    watcher = Watcher()
    hosts = Hosts(Settings(), watcher)
    for number in range(50):
        await hosts.refusal({}, b"%d.evil.example" % number)
    assert watcher.looks < 10


@pytest.mark.parametrize("path", ["/admin/api-keys", "/admin/usage"])
@pytest.mark.parametrize("origin", [SITE, "null", "https://h", "http://h:81"])
async def test_a_foreign_page_gets_nothing_of_the_owner_s(path: str, origin: str):
    headers = {"origin": origin, "x-admin-secret": "guessed"}
    if origin != "https://h":  # our own page, behind TLS
        answer = await ask(path, headers=headers)
        assert (answer.status, answer.reached) == (403, False)
        assert answer.header("access-control-allow-origin") is None
        preflight = await ask(path, "OPTIONS", headers=headers)
        assert preflight.header("access-control-allow-origin") is None
    assert (await ask(path, headers=headers | {"origin": "http://h"})).reached


async def test_the_owner_may_name_a_website_of_their_own_for_the_admin_routes():
    allowed = {"admin_cors_origins": (SITE,)}
    answer = await ask("/admin/usage", headers={"origin": SITE}, changes=allowed)
    assert answer.reached
    assert answer.header("access-control-allow-origin") == SITE


@pytest.mark.parametrize(
    "text", ["https://a.example", "a.example:80", "a.example/x", "*", "*.", "a.*.example", "-a", ""]
)
def test_what_is_no_name_is_no_setting(text: str):
    with pytest.raises(ValueError):
        host_pattern(text)


def test_settings_name_hosts_and_proxies():
    given = {"ALLOWED_HOSTS": "A.example, *.b.example", "TRUSTED_PROXIES": "127.0.0.1 10.0.0.0/8"}
    loaded = settings_table.load(given, Path("/nowhere"))
    assert loaded.allowed_hosts == ("a.example", "*.b.example")
    assert [str(one) for one in loaded.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8"]
    for name, text in (("ALLOWED_HOSTS", "https://a"), ("TRUSTED_PROXIES", "caddy")):
        with pytest.raises(settings_table.SettingsError, match=name):
            settings_table.load({name: text}, Path("/nowhere"))


def test_a_short_admin_secret_is_refused_and_not_shown():
    with pytest.raises(settings_table.SettingsError) as caught:
        settings_table.load({"ADMIN_SECRET": "hush-hush"}, Path("/nowhere"))
    assert "ADMIN_SECRET" in str(caught.value)
    assert "hush-hush" not in str(caught.value)


def test_a_name_is_read_without_its_port():
    assert host_name(b"[::1]:80") == host_name(b"[0:0::1]") == "::1"
    assert host_name(b"::1") == "::1"


async def test_of_names_that_are_too_long_nothing_is_remembered():
    kept = hosts._host_name.cache_info().currsize
    for number in range(3):
        answer = await ask(headers={"host": f"{number}".rjust(20_000, "a")})
        assert (answer.status, answer.reached) == (421, False)
    assert hosts._host_name.cache_info().currsize == kept
