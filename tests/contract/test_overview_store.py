"""What the owner's overview asks of a store, alike on all of them."""

from uuid import UUID, uuid4

import pytest

from gateway.admin.requests import logged
from gateway.core.keys import hash_key
from gateway.overview.store_figures import StoreFigures
from gateway.stores import AuthorizationRequest, Settlement, Store
from tests.contract.conftest import Backend

pytestmark = pytest.mark.anyio


@pytest.fixture
async def used(backend: Backend) -> tuple[UUID, UUID]:
    """The ids of a key, and of a request with it that was settled."""
    store, key = backend.store, await backend.ledger.create(key_hash=hash_key("x"), label="<b>ü")
    request = uuid4()
    path, model = "/v1/chat/completions", "m:latest"
    ask = AuthorizationRequest(request, hash_key("x"), "chat", None, model, path, 10, 10)
    assert (await store.authorize(ask)).allowed
    await store.settle([Settlement(request, 3, 4, "reported", backend="den-pc")])
    return UUID(key["id"]), request


async def test_the_figures_have_labels_and_what_today_came_to(
    store: Store, used: tuple[UUID, UUID]
) -> None:
    figures = StoreFigures(store)
    await figures.look([used[0], uuid4()])
    assert figures.labels == {used[0]: "<b>ü"}
    assert figures.today == {"requests": 1, "total_tokens": 7, "charged_tokens": 7}
    assert figures.month == figures.today
    assert figures.latency_ms is not None


async def test_the_log_has_the_request_with_its_machine(
    store: Store, used: tuple[UUID, UUID]
) -> None:
    (row,) = await logged(store, [uuid4(), used[1]])
    assert (row["id"], row["key_name"], row["backend"]) == (str(used[1]), "<b>ü", "den-pc")
    assert await logged(store, [uuid4()]) == []
