"""Which of several machines may serve a model: by what each has told, and where it would run."""

import json
from typing import Any, cast

import pytest

from gateway.backends.client import BackendClient
from gateway.backends.models import ModelList
from gateway.backends.pool import BackendPool, Candidate
from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from tests.support.told_models import Told

pytestmark = pytest.mark.anyio
AWAY = Refusal("upstream_unavailable")
SLOW = Refusal("upstream_timeout")


def tags(*names: str, context: int = 0, **more: Any) -> dict[str, Any]:
    details = {"context_length": context} if context else None
    return {"models": [{"name": name, "details": details, **more} for name in names]}


REMOTE: dict[str, Any] = {"remote_host": "https://ollama.com:443"}


class Server(Told):
    """A model server of a fleet."""

    def __init__(self, *, listed_only: bool = False, **answers: Any) -> None:
        super().__init__(**answers)
        self.target = self.target._replace(listed_only=listed_only)

    async def read(self, method: str, path: str, body: bytes = b"") -> bytes | Refusal:
        if path.startswith("/api/") and "tags" not in self.answers:
            return Refusal("not_found")
        return await super().read(method, path, body)


def away() -> Server:
    return Server(tags=AWAY, models=AWAY)


def pool(*servers: Server, cloud: bool = False) -> BackendPool:
    urls = tuple(f"http://machine-{number}" for number in range(len(servers)))
    made = BackendPool(Settings(ollama_base_url=urls, allow_cloud_models=cloud))
    for backend, server in zip(made.backends, servers, strict=True):
        client = cast(BackendClient, server)
        backend.models = ModelList(client)
        backend.client.target = server.target
        backend.client.read = server.read
    return made


async def where(made: BackendPool, name: str, **options: bool) -> list[int] | str:
    """The numbers of the machines, or why there is none."""
    found = await made.candidates(name, **{"cloud": False, **options})
    if isinstance(found, Refusal):
        return found.reason
    return [made.backends.index(candidate.backend) for candidate in found]


async def test_a_request_goes_to_those_that_have_the_model():
    made = pool(Server(tags=tags("a", "b")), Server(tags=tags("b")), Server(tags=tags("c")))
    assert await where(made, "a:latest") == [0]
    assert await where(made, "b:latest") == [0, 1]
    assert await where(made, "c:latest") == [2]


async def test_each_holder_comes_with_what_its_own_machine_told():
    made = pool(Server(tags=tags("a", context=2048)), Server(tags=tags("a", context=8192)))
    found = await made.candidates("a:latest", cloud=False)
    assert isinstance(found, list)
    assert [candidate.model and candidate.model.context_length for candidate in found] == [
        2048,
        8192,
    ]


async def test_a_model_that_none_has_is_for_one_machine_that_answers_to_refuse():
    made = pool(Server(tags=tags("a")), Server(tags=tags("b")))
    assert await where(made, "c:latest") == [0]
    made.backends[0].client.is_up = False
    assert await where(made, "c:latest") == [1]


async def test_while_a_machine_has_not_told_it_may_have_what_no_other_has():
    made = pool(Server(tags=tags("a")), away(), cloud=True)
    assert await where(made, "a:latest") == [0]
    assert await where(made, "b:latest") == [1]


async def test_one_that_has_not_told_is_not_asked_for_what_may_run_in_the_cloud():
    made = pool(Server(tags=tags("a")), away())
    assert await where(made, "a:latest") == [0]
    assert await where(made, "b:latest") == "upstream_unavailable"


async def test_a_model_pulled_a_moment_ago_is_found_without_a_restart(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("gateway.backends.models.RETRY", -1.0)
    first, second = Server(tags=tags("a")), Server(tags=tags("a"))
    made = pool(first, second)
    await where(made, "a:latest")
    second.answers["tags"] = tags("a", "new")
    assert await where(made, "new:latest") == [1]


async def test_nobody_waits_for_one_machine_while_another_has_the_model():
    second = Server(tags=tags("a"))
    made = pool(Server(tags=tags("a")), second)
    await made.backends[0].models.refresh()
    assert await where(made, "a:latest") == [0]
    assert second.asked == []  # it is asked beside it, later
    await made.backends[1].models.refresh()
    assert await where(made, "a:latest") == [0, 1]


async def test_what_was_told_last_holds_while_a_machine_is_away():
    first = Server(tags=tags("a"))
    made = pool(first, Server(tags=tags("b")))
    assert await where(made, "a:latest") == [0]
    first.answers["tags"] = AWAY
    await made.backends[0].models.refresh()
    assert await where(made, "a:latest") == [0]


async def test_a_model_of_the_cloud_is_only_asked_where_it_is_local():
    made = pool(Server(tags=tags("a", "b", **REMOTE)), Server(tags=tags("a")))
    assert await where(made, "a:latest") == [1]
    assert await where(made, "b:latest") == "cloud_model"


async def test_a_spelling_that_leaves_the_machine_does_so_from_each():
    made = pool(Server(tags=tags("a")), Server(tags=tags("a")))
    assert await where(made, "a:latest", cloud=True) == "cloud_model"


async def test_where_the_owner_allows_the_cloud_every_machine_will_do():
    made = pool(Server(tags=tags("a", **REMOTE)), Server(tags=tags("a")), cloud=True)
    assert await where(made, "a:latest") == [0, 1]
    assert await where(made, "a:latest", cloud=True) == [0, 1]


@pytest.mark.parametrize("failure", [SLOW, Refusal("upstream_error", "500")])
async def test_a_machine_that_does_not_say_what_is_remote_is_not_asked(failure: Refusal):
    made = pool(Server(tags=failure), Server(tags=tags("a")))
    assert await where(made, "a:latest") == [1]
    assert await where(made, "b:latest") == "upstream_busy"


async def test_ollamas_own_routes_go_to_ollama_only():
    made = pool(Server(models={"data": [{"id": "a"}]}), Server(tags=tags("a", "b")))
    await made.backends[0].models.refresh()
    await made.backends[1].models.refresh()
    assert await where(made, "a:latest") == [0, 1]
    assert await where(made, "a:latest", native=True) == [1]
    assert await where(made, "c:latest", native=True) == [1]
    pulling = made.for_pull()
    assert pulling is made.backends[1]


async def test_without_an_ollama_its_routes_are_not_supported():
    made = pool(Server(models={"data": [{"id": "a"}]}), Server(models={"data": []}))
    assert await where(made, "a:latest", native=True) == "not_supported"
    assert made.for_pull() is None


async def test_models_are_pulled_to_the_first_ollama_that_answers():
    made = pool(Server(tags=tags("a")), Server(tags=tags("a")))
    assert made.for_pull() is made.backends[0]
    made.backends[0].client.is_up = False
    assert made.for_pull() is made.backends[1]
    made.backends[1].client.is_up = False
    assert made.for_pull() is made.backends[0]


async def test_a_server_that_answers_for_any_name_is_asked_for_its_own_models_only():
    made = pool(Server(models={"data": [{"id": "demo"}]}, listed_only=True), away(), cloud=True)
    assert made.demo
    assert await where(made, "demo:latest") == [0]
    assert await where(made, "other:latest") == [1]
    alone = pool(Server(models={"data": [{"id": "demo"}]}, listed_only=True))
    assert await where(alone, "other:latest") == "demo_lacks_model"
    assert await where(alone, "demo:latest", native=True) == "demo_model"


async def test_of_several_lists_those_of_machines_that_answer_count():
    made = pool(Server(tags=tags("a")), Server(tags=AWAY), Server(models={"data": []}))
    told = await made.each("/api/tags")
    assert isinstance(told, list)
    assert [(made.backends.index(backend), json.loads(text)) for backend, text in told] == [
        (0, tags("a"))
    ]
    nobody = pool(away(), Server(models={"data": []}))
    assert await nobody.each("/api/tags") == AWAY  # not "there is no such route"


async def test_nobody_waits_for_the_list_of_a_machine_that_is_away_unless_all_are():
    gone, there = away(), Server(tags=tags("a"))
    made = pool(gone, there)
    made.backends[0].client.is_up = False
    assert isinstance(await made.each("/api/tags"), list)
    assert gone.asked == []
    made.backends[1].client.is_up = False
    assert isinstance(await made.each("/api/tags"), list)
    assert gone.asked == ["/api/tags"]


async def test_what_one_machine_cannot_show_another_does():
    class Gone(Server):
        async def read(self, method: str, path: str, body: bytes = b"") -> bytes | Refusal:
            return AWAY if path == "/api/show" else await super().read(method, path, body)

    made = pool(Gone(tags=tags("a")), Server(tags=tags("a"), show={"details": {}}))
    assert await made.show("a:latest", False, b"{}") == b'{"details": {}}'


async def test_holders_of_some_machines_only():
    made = pool(Server(tags=tags("a")), Server(tags=tags("a")))
    found = await made.candidates("a:latest", cloud=False, among=made.backends[1:])
    assert isinstance(found, list)
    [candidate] = found
    assert isinstance(candidate, Candidate)
    assert candidate.backend is made.backends[1]
