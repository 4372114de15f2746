"""Which model server `up` uses: Ollama if it answers, otherwise the demo model until it does."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from gateway.backends.pool import BackendPool
from gateway.backends.probe import Found, choose, look_at_all
from gateway.commands.demo_start import start
from gateway.config.extras import DEMO, ExtraError
from gateway.config.settings import Settings
from gateway.demo import DemoError, DemoModel, Endpoint
from gateway.demo.process import MODEL

INTERVAL = 2.0  # seconds between two attempts to reach Ollama
LINGER = 300.0  # seconds that running answers of the demo model get once Ollama answers

_log = logging.getLogger("localllm.models")


class ModelSource:
    """Puts the demo model in place of the first machine while no machine answers.

    `model` is the name of a model that works now; `note` describes it for the banner.
    """

    def __init__(
        self, settings: Settings, pool: BackendPool, say: Callable[[str], None], *, demo: bool
    ) -> None:
        self._urls = settings.ollama_base_url
        self._where = " or ".join(self._urls)
        self._settings = settings
        self._first = pool.backends[0]
        self._say = say
        self._demo_allowed = demo
        self._demo: DemoModel | None = None
        self._task: asyncio.Task[None] | None = None
        self.model = settings.ollama_default_model
        self.note = ""

    async def __aenter__(self) -> Self:
        found = await look_at_all(self._urls)
        if found:
            self._use_ollama(found)
            return self
        self._say(f"Ollama does not answer at {self._where} (OLLAMA_BASE_URL).")
        self.note = f"none until Ollama answers at {self._where}"
        try:
            if self._demo_allowed:
                await self._begin_demo()
            self._task = asyncio.create_task(self._watch())
        except BaseException:
            await self._stop_demo()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._stop_demo()

    async def _begin_demo(self) -> None:
        try:
            if not DEMO.is_installed():
                self._say("Installing the demo model to use until then (about 260 MB, once).")
                await DEMO.install()
            self._demo = DemoModel()
            endpoint = await start(self._demo, self._settings.data_dir, self._say)
        except (DemoError, ExtraError) as problem:
            await self._stop_demo()
            self._say(f"No demo model: {problem}")
            return
        self._use_demo(endpoint)
        self.model = MODEL
        self.note = f"{MODEL} (demo model, until Ollama answers at {self._where})"
        self._say(
            f"Using the demo model {MODEL} until Ollama answers. It is small and only pre-trained: "
            "it shows that everything works, not what a chat model can do."
        )

    async def _watch(self) -> None:
        """Wait until Ollama answers. A demo model that dies meanwhile is restarted."""
        told = ""
        while True:
            await self._pause()
            found = await look_at_all(self._urls)
            if found:
                break
            if self._demo is not None and self._demo.returncode is not None:
                try:
                    self._use_demo(await self._demo.restart())
                    _log.warning("the demo model had died and was restarted")
                    told = ""
                except DemoError as problem:
                    if str(problem) != told:  # each round tries again, but logs a problem once
                        _log.error("%s", problem)
                    told = str(problem)
        self._use_ollama(found)
        where = " and ".join(found)
        _log.info("Ollama answers: switched to %s; model: %s", where, self.note)
        if self._demo is not None:
            await asyncio.sleep(LINGER)
            await self._stop_demo()

    async def _pause(self) -> None:
        """Sleep for INTERVAL, or until the demo model dies."""
        if self._demo is None or self._demo.returncode is not None:
            await asyncio.sleep(INTERVAL)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._demo.wait(), INTERVAL)

    def _use_demo(self, endpoint: Endpoint) -> None:
        self._first.point_to(endpoint.base_url, endpoint.headers, listed_only=True)

    def _use_ollama(self, found: dict[str, Found]) -> None:
        default = self._settings.ollama_default_model
        self._first.point_to(self._urls[0])
        url, chosen = choose(found, default)
        self.model = chosen or default
        if chosen is None and found[url].version:
            self.note = f"none installed in Ollama at {url}; run: ollama pull {default}"
        else:
            self.note = f"{self.model} at {url}"

    async def _stop_demo(self) -> None:
        if self._demo is not None:
            model, self._demo = self._demo, None
            await model.stop()
