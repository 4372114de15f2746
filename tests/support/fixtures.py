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


@pytest.fixture(scope="session")
def shared_upstream() -> Iterator[FakeUpstream]:
    """One for all tests that command it through the shared gateway, or through one of their own."""
    with fake_upstream() as running:
        yield running


@pytest.fixture(name="upstream")
def upstream_of_all(shared_upstream: FakeUpstream) -> FakeUpstream:
    """For files and folders whose tests command the shared one, which import this."""
    return shared_upstream


@pytest.fixture(autouse=True)
def forgetful_upstream(request: pytest.FixtureRequest) -> None:
    """Each test begins with a shared upstream that has received nothing and behaves well."""
    if "shared_upstream" in request.fixturenames:
        request.getfixturevalue("shared_upstream").reset()


@pytest.fixture(scope="session")
def shared_dsn(postgres: Server) -> Iterator[str]:
    with fresh_database(postgres) as address:
        yield address


@pytest.fixture(scope="session")
def gateway(shared_upstream: FakeUpstream, shared_dsn: str) -> Iterator[GatewayProcess]:
    """One with the settings as they come, for all tests that need no others. A test file that does
    overrides this with one of its own."""
    with served(shared_upstream.url, shared_dsn) as running:
        yield running


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[httpx.Client]:
    with connect(gateway.url) as made:
        yield made


@pytest.fixture
def key(gateway: GatewayProcess) -> str:
    """A new one for each test: what others have used is none of its business."""
    return make_key(gateway.url)


@pytest.fixture
def unharmed(shared_upstream: FakeUpstream, gateway: GatewayProcess, key: str) -> Iterator[int]:
    """The gateway's port. After the test: nothing has reached the model, nothing has failed
    inside, and a good request is answered."""
    assert gateway.running is not None
    before = len(gateway.running.output)
    yield gateway.port
    assert shared_upstream.chats == []
    assert chat(gateway.port, key).status == 200
    assert "Traceback" not in gateway.running.output[before:]


@pytest.fixture(scope="module")
def localllm() -> Iterator[CommandLine]:
    """One database, kept running: a command then uses it instead of starting its own."""
    with fresh_directory() as data_dir, EmbeddedPostgres(data_dir) as postgres:
        postgres.start(lambda _: None)
        yield CommandLine(data_dir)
