"""What tests of a running gateway need: a model server to command, a database, a home directory.
A conftest that wants them imports them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.embedded import EmbeddedPostgres
from tests.support.callers import connect, make_key, served
from tests.support.command_line import CommandLine
from tests.support.failing_parts import GatewayProcess, fresh_database
from tests.support.fake_upstream import FakeUpstream, fake_upstream
from tests.support.gateway_process import fresh_directory
from tests.support.postgres import Server
from tests.support.raw_client import chat


@pytest.fixture
def upstream() -> Iterator[FakeUpstream]:
    with fake_upstream() as running:
        yield running


@pytest.fixture
def dsn(postgres: Server) -> Iterator[str]:
    """The address of a new migrated database."""
    with fresh_database(postgres) as address:
        yield address


@pytest.fixture
def home() -> Iterator[Path]:
    with fresh_directory() as path:
        yield path


@pytest.fixture(scope="module")
def shared_upstream() -> Iterator[FakeUpstream]:
    """One for all tests of a file; they take `reset` on themselves."""
    with fake_upstream() as running:
        yield running


@pytest.fixture(scope="module")
def shared_dsn(postgres: Server) -> Iterator[str]:
    with fresh_database(postgres) as address:
        yield address


@pytest.fixture(scope="module")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """One for all tests of a file, in front of the shared upstream."""
    with served(shared_upstream.url, shared_dsn) as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    with connect(gateway.url) as made:
        yield made


@pytest.fixture(scope="module")
def key(gateway: GatewayProcess) -> str:
    return make_key(gateway.url)


@pytest.fixture
def unharmed(shared_upstream: FakeUpstream, gateway: GatewayProcess, key: str) -> Iterator[int]:
    """The gateway's port. After the test: nothing has reached the model, nothing has failed
    inside, and a good request is answered."""
    shared_upstream.reset()
    yield gateway.port
    assert shared_upstream.chats == []
    assert chat(gateway.port, key).status == 200
    assert gateway.running is not None
    assert "Traceback" not in gateway.running.output


@pytest.fixture(scope="module")
def localllm() -> Iterator[CommandLine]:
    """One database, kept running: a command then uses it instead of starting its own."""
    with fresh_directory() as data_dir, EmbeddedPostgres(data_dir) as postgres:
        postgres.start(lambda _: None)
        yield CommandLine(data_dir)
