"""From outside in: what is well is found well, and each thing that is not is named."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.checks.public_address import event_stream
from tests.support.bare_gateway import bare_gateway, served
from tests.support.cloudflared.edge import Edge
from tests.support.fake_origin import FakeOrigin, fake_origin
from tests.support.scene import NAME, Scene, edge_before

pytestmark = pytest.mark.anyio


@pytest.fixture
async def fake() -> AsyncIterator[FakeOrigin]:
    async with fake_origin() as fake:
        yield fake


async def test_all_is_well_through_the_edge(scene: Scene):
    found = await scene.look()
    assert list(found) == ["https", "public", "cors", "stream", "closed"]
    assert {found[name].state for name in ("cors", "stream", "closed")} == {"ok"}
    assert found["stream"].text.startswith("3 events arrive as they are sent")
    assert found["https"].state == "warn"  # plain HTTP, as only tests would have it
    # It is this gateway, and its store is away.
    assert found["public"].text.startswith(f"{scene.public} leads here, but requests cannot")


async def test_another_gateway_than_the_one_here_is_told_apart(scene: Scene):
    async with fake_origin() as fake:
        found = await scene.look(port=fake.port)
        assert found["public"].state == "warn"
        assert "another localllm answers" in found["public"].text
    found = await scene.look(port=fake.port)  # nobody is there any more
    assert "none at http://127.0.0.1" in found["public"].text


async def test_a_tunnel_that_is_not_connected_is_named(scene: Scene):
    scene.edge.connected = False
    found = await scene.look()
    assert list(found) == ["https", "public"]
    assert found["public"].state == "fail"
    assert "1033" in found["public"].text
    assert "localllm tunnel run" in found["public"].text


async def test_a_gateway_that_does_not_run_is_named(scene: Scene):
    scene.edge.rules = [("", "http://127.0.0.1:9")]
    found = await scene.look()
    assert "error 502" in found["public"].text
    assert "localllm serve" in found["public"].text
    scene.edge.rules = [("other.example.com", scene.gateway)]
    found = await scene.look()
    assert "error 404" in found["public"].text
    assert scene.gateway in found["public"].text  # what the service should be


async def test_a_gateway_that_says_nothing_is_named(fake: FakeOrigin):
    fake.silent = True
    async with edge_before(fake.url, silence=0.05) as (edge, public):
        found = await Scene(fake.url, edge, public).look()
    assert "error 524" in found["public"].text


async def test_a_held_back_stream_is_named(fake: FakeOrigin):
    async with edge_before(fake.url) as (edge, public):
        fake.holds_back = True
        found = await Scene(fake.url, edge, public).look()
        assert found["stream"].state == "fail"
        assert "all at once" in found["stream"].text
        assert fake.streams == event_stream.TRIES + 1  # one more asked who it is


async def test_pages_that_may_not_call_are_named(fake: FakeOrigin):
    async with edge_before(fake.url) as (edge, public):
        scene = Scene(fake.url, edge, public)
        assert (await scene.look())["cors"].state == "ok"
        fake.preflight = {"access-control-allow-origin": "https://other.example"}
        assert "cannot call" in (await scene.look())["cors"].text
        fake.preflight = {"access-control-allow-origin": "*"}  # no header is allowed
        assert (await scene.look())["cors"].state == "fail"


async def test_the_origin_of_a_preflight_is_one_that_is_allowed(scene: Scene):
    found = await scene.look(cors_origins=("https://a.example", "https://b.example"))
    assert "https://a.example" in found["cors"].text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/tags", "Ollama can be reached"),
        ("/v1/../api/tags", "Ollama can be reached"),
        ("//api/tags", "Ollama can be reached"),
        ("/api/blobs/sha256-0", "Ollama can be reached"),
        ("/admin/api-keys", "ADMIN_THROUGH_TUNNEL"),
        ("/docs", "DOCS_THROUGH_TUNNEL"),
    ],
)
async def test_what_should_be_closed_and_is_not_is_named(fake: FakeOrigin, path: str, said: str):
    async with edge_before(fake.url) as (edge, public):
        scene = Scene(fake.url, edge, public)
        assert (await scene.look())["closed"].state == "ok"
        fake.open.add(path)
        found = await scene.look()
        assert found["closed"].state == "fail"
        assert said in found["closed"].text


async def test_what_the_owner_opened_is_no_fault(fake: FakeOrigin):
    fake.open |= {"/docs", "/admin/api-keys"}
    fake.admin_status = 401
    async with edge_before(fake.url) as (edge, public):
        scene = Scene(fake.url, edge, public)
        assert "ADMIN_THROUGH_TUNNEL" in (await scene.look())["closed"].text
        assert (await scene.look(admin_through_tunnel=True))["closed"].state == "fail"  # docs
        found = await scene.look(admin_through_tunnel=True, docs_through_tunnel=True)
        assert found["closed"].state == "ok"
        assert "admin routes and docs are open because of your settings" in found["closed"].text


async def test_a_stream_that_breaks_off_is_named(fake: FakeOrigin):
    async with edge_before(fake.url) as (edge, public):
        fake.breaks_off = True
        found = await Scene(fake.url, edge, public).look()
    assert list(found) == ["https", "public"]
    assert found["public"].state == "fail"


def test_events_are_apart_when_they_arrive_as_they_were_sent():
    def heard(sent: list[float], arrived: list[float]) -> bool:
        return event_stream.ReceivedEvents("i", "ok", sent, arrived).unbuffered

    assert heard([0, 400, 800], [0, 390, 795])
    assert heard([0, 400, 800], [0, 5000, 9000])  # slow, and not held back
    assert not heard([0, 400, 800], [0, 0, 1])
    assert not heard([0, 0, 0], [0, 0, 0])
    assert not heard([0], [0])


async def test_ollama_itself_behind_the_tunnel_is_named(fake: FakeOrigin):
    fake.is_ollama = True
    async with edge_before(fake.url) as (edge, public):
        assert isinstance(edge, Edge)
        found = await Scene(fake.url, edge, public).look()
    assert found["public"].state == "fail"
    assert "Ollama itself" in found["public"].text


async def test_a_login_of_access_is_no_fault_where_it_is_meant(fake: FakeOrigin):
    fake.login = "https://myteam.cloudflareaccess.com/cdn-cgi/access/login/llm.example.com"
    async with edge_before(fake.url) as (edge, public):
        scene = Scene(fake.url, edge, public)
        found = await scene.look()
        assert list(found) == ["https", "public"]
        assert found["public"].state == "fail"
        assert "Cloudflare Access asks for a log-in" in found["public"].text
        meant = await scene.look(access_team="myteam.cloudflareaccess.com")
        assert meant["public"].state == "ok"


async def test_a_gateway_that_does_not_know_its_public_name_is_named(tmp_path: Path):
    with bare_gateway(tmp_path) as gateway:
        async with served(gateway) as origin, edge_before(origin) as (edge, public):
            found = await Scene(origin, edge, public).look()
    assert found["public"].state == "fail"
    assert "TUNNEL_HOSTNAME" in found["public"].text


async def test_a_preflight_that_access_holds_up_is_named(fake: FakeOrigin):
    fake.preflight_login = "https://myteam.cloudflareaccess.com/cdn-cgi/access/login/x"
    async with edge_before(fake.url) as (edge, public):
        found = await Scene(fake.url, edge, public).look()
    assert found["cors"].state == "fail"
    assert "have it pass OPTIONS requests" in found["cors"].text


async def test_a_gateway_that_access_locks_is_known(tmp_path: Path):
    locked = {"access_team": "myteam.cloudflareaccess.com", "access_audience": ("x" * 64,)}
    with bare_gateway(tmp_path, tunnel_hostname=NAME, **locked) as gateway:
        async with served(gateway) as origin, edge_before(origin) as (edge, public):
            found = await Scene(origin, edge, public).look(**locked)
    assert found["public"].state == "ok"
    assert "only whom Cloudflare Access let in" in found["public"].text
