"""What a gateway that stops says of the answers that it waits for."""

import logging
import signal
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
import uvicorn

from gateway import server
from gateway.app import make_app
from tests.support.bare_gateway import bare_gateway

pytestmark = pytest.mark.anyio


class Front:
    """Ctrl-C is pressed again while it lets its requests end, or not."""

    def __init__(self, again: bool) -> None:
        self._again = again
        self.server: Any = None

    async def stop(self) -> None:
        if self._again:
            self.server.handle_exit(signal.SIGINT, None)

    def cut(self) -> None:
        pass


@pytest.mark.parametrize("again", [False, True])
async def test_it_promises_answers_no_time_once_a_second_ctrl_c_has_cut_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, again: bool
):
    caplog.set_level(logging.INFO, "localllm")
    with bare_gateway(tmp_path) as services:
        services.pipeline.in_flight[uuid4()] = cast(Any, "an answer that runs")
        front = Front(again)
        config = uvicorn.Config(make_app(services), lifespan="off", log_config=None)
        config.load()
        stopping = front.server = server._Server(config, services, None, front)
        stopping.servers = []
        stopping.lifespan = config.lifespan_class(config)
        stopping.handle_exit(signal.SIGINT, None)
        await stopping.shutdown()
        await services.pool.close()
    promised = [one for one in caplog.messages if "have 10 s to end" in one]
    assert len(promised) == (0 if again else 1)
