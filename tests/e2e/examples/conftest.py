"""A gateway in front of a model server to command, and the clients of npm, each in a process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.examples.node_client import CLIENTS, NodeClient, copied
from tests.support.fixtures import upstream_of_all

__all__ = ["upstream_of_all"]


@pytest.fixture(scope="session")
def node_clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, NodeClient]]:
    """Those that were needed so far."""
    started: dict[str, NodeClient] = {}
    yield started
    for one in started.values():
        one.close()


@pytest.fixture(scope="session")
def clients_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("clients"))


@pytest.fixture(params=CLIENTS)
def client(
    request: pytest.FixtureRequest, node_clients: dict[str, NodeClient], clients_folder: Path
) -> NodeClient:
    """Each client, started once for all tests."""
    name: str = request.param
    if name not in node_clients or node_clients[name].broken:
        node_clients[name] = NodeClient(name, clients_folder)
    return node_clients[name]
