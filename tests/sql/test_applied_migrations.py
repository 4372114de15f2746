"""applied_migrations: what `localllm db migrate` would find, without seeing its table."""

import hashlib
import json

import pytest

from gateway.database.migrate import steps
from tests.support.sql.ledger import Ledger

pytestmark = pytest.mark.anyio


async def test_it_names_every_step_with_its_checksum(ledger: Ledger):
    wanted = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in steps().items()}
    await ledger.connection.execute("set role service_role")
    assert json.loads(await ledger.value("select public.applied_migrations()")) == wanted
