"""`localllm up --tunnel`, running in front of a model server of the tests."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.failing_parts import GatewayProcess
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway_process import PATIENCE, fresh_directory
from tests.support.processes import naming


class Up:
    """A running `up --tunnel`, in front of a model server of the tests."""

    def __init__(self, gateway: GatewayProcess, stand_in: Path) -> None:
        assert gateway.running is not None
        self.gateway = gateway
        self.running = gateway.running
        self.stand_in = stand_in
        found = re.search(r"llm_\w+", self.running.output)
        assert found is not None
        self.key = found[0]

    @property
    def edge(self) -> str:
        return f"http://127.0.0.1:{(self.stand_in / 'edge_port').read_text()}"

    @property
    def folder(self) -> Path:
        return self.gateway.data_dir / "tunnel"

    def admin_status(self, url: str) -> int:
        headers = {"X-Admin-Secret": "for-tests-only"}
        with httpx.Client(trust_env=False, timeout=PATIENCE) as client:
            return client.get(f"{url}/admin/api-keys", headers=headers).status_code


@contextmanager
def up(upstream: FakeUpstream, dsn: str, stand_in: Path, **settings: object) -> Iterator[Up]:
    with fresh_directory() as home:
        path = stand_in / "cloudflared"
        gateway = GatewayProcess(home, upstream.url, dsn, CLOUDFLARED_PATH=path, **settings)
        asyncio.run(gateway.start("up", "--no-demo", "--tunnel"))
        running = gateway.running
        assert running is not None
        try:
            running.wait_for("Data: .*\n")
            yield Up(gateway, stand_in)
        finally:
            running.kill()
            assert naming(str(stand_in)) == []
