"""A gateway before a stand-in for a Supabase project, for tests of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.postgrest.stand_in import StandIn


def by_token(project: StandIn) -> dict[str, str]:
    """The settings of a gateway that may only serve calls; it needs no admin secret."""
    return {
        "SUPABASE_URL": project.url,
        "SUPABASE_PUBLISHABLE_KEY": project.publishable_key,
        "SUPABASE_GATEWAY_TOKEN": project.gateway_token(),
        "ADMIN_SECRET": "",
    }


def gateway_of(
    project: StandIn, home: Path, upstream: FakeUpstream, *, token: bool = False, **settings: object
) -> GatewayProcess:
    """A gateway that lets Supabase decide, with the secret key or a gateway token."""
    secrets = {"SUPABASE_URL": project.url, "SUPABASE_SERVICE_KEY": project.secret_key}
    if token:
        secrets = by_token(project)
    return GatewayProcess(home, upstream.url, **secrets, **settings)


@contextmanager
def stopped(project: StandIn) -> Iterator[None]:
    """The project is away within."""
    project.stop()
    try:
        yield
    finally:
        project.start()


async def nothing_waits(gateway: GatewayProcess) -> bool:
    """Whether the store has all settlements of it."""
    return (await gateway.health())["outbox"]["waiting"] == 0
