"""Run the gateway: one HTTP server, and what happens by the clock beside it."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable
from types import FrameType
from typing import Protocol

import uvicorn

from gateway.alerts.channels import channels
from gateway.alerts.channels import install_if_needed as install_alerts
from gateway.alerts.local import Local
from gateway.alerts.observer import Observer
from gateway.alerts.watch import AlertWatch
from gateway.app import make_app, make_services
from gateway.backends.pool import BackendPool
from gateway.backends.preload import keep_loaded
from gateway.config.settings import Settings
from gateway.core import descriptors
from gateway.http.cloudflare_access import install_if_needed
from gateway.http.connections import Connections
from gateway.http.protocol import BoundedHttp
from gateway.proxy.background import keep_house, look_after_requests, sweep_holds
from gateway.services import Services
from gateway.stores import Store
from gateway.telemetry.otel import exporting

KEEP_ALIVE = 120  # seconds; cloudflared keeps idle connections for 90 (docs/cloudflared.md)
GRACE = 10  # seconds that running answers have when the gateway stops
FLUSH = 5.0  # seconds for the last settlements; what is left is sent at the next start
_log = logging.getLogger("localllm")


class Front(Protocol):
    """What brings requests from outside; the server stops it before itself."""

    async def stop(self) -> None:
        """Let no new requests in; back when the open ones have ended, or their time has."""
        ...

    def cut(self) -> None:
        """Wait for none any longer. May be called by a signal, at any moment."""
        ...


class _Server(uvicorn.Server):
    def __init__(
        self,
        config: uvicorn.Config,
        services: Services,
        ready: Callable[[], None] | None,
        front: Front | None,
    ) -> None:
        super().__init__(config)
        self._services = services
        self._ready = ready
        self._front = front

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and self._front:
            self._front.cut()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: object = None) -> None:
        await super().startup(sockets)  # type: ignore[arg-type] # we only pass it on
        gc.collect()
        gc.freeze()  # what is loaded by now stays: no need to look through it again and again
        if self._ready and not self.should_exit:
            self._ready()

    async def shutdown(self, sockets: object = None) -> None:
        """Let answers end, but for those that would go on for long: pulls, pages that watch."""
        await self._services.pulls.close()
        await self._services.events.close()
        await self._services.doctor.close()
        if self._front:  # it lets its requests end, and they need us
            await self._front.stop()
        running = len(self._services.pipeline.in_flight)
        if running and not self.force_exit:  # else they were cut while we waited for the front
            _log.info(
                "Stopping: running answers (%d) have %d s to end. Ctrl-C again cuts them.",
                running,
                GRACE,
            )
        await super().shutdown(sockets)  # type: ignore[arg-type] # we only pass it on

    async def end_requests(self) -> None:
        """Cut what its grace did not end. uvicorn cancels too, but does not wait for it; a second
        time would cut the error that says so."""
        tasks = list(self.server_state.tasks)
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=FLUSH)


async def serve(
    settings: Settings,
    store: Store,
    pool: BackendPool,
    *,
    ready: Callable[[], None] | None = None,
    front: Front | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then let answers end, and settle. OSError: disk unusable."""
    descriptors.raise_limit()
    await install_if_needed(settings)
    services = make_services(settings, store, pool)
    sending = contextlib.AsyncExitStack()
    await sending.enter_async_context(exporting(services.listeners))
    outbox, in_flight = services.outbox, services.pipeline.in_flight
    ways = channels(settings)
    alerts = AlertWatch(
        store,
        Observer(settings.data_dir, pool, outbox, services.failed_keys),
        Local(settings.data_dir / "alerts.json", [one.name for one in ways]),
        ways,
    )
    config = uvicorn.Config(
        make_app(services),
        host=settings.host,
        port=settings.port,
        http=BoundedHttp,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
    tasks = [
        asyncio.create_task(work)
        for work in (
            outbox.run(),
            look_after_requests(in_flight, services.watching, settings.heartbeat_seconds),
            sweep_holds(store, in_flight),
            keep_house(store, settings.usage_retention_months),
            services.tunnel.watch(),
            keep_loaded(pool, settings.preload_models),
            alerts.run(lambda: install_alerts(settings, _log.warning)),
        )
    ]
    pool.refresh()
    server = _Server(config, services, ready, front)
    slots = sum(one.slots for one in pool.backends)
    Connections.of(server.server_state).most = descriptors.for_callers(slots)
    try:
        await server.serve()
    finally:
        await server.end_requests()
        authorising = services.pipeline.authorising
        if authorising:  # for clients that left: then it is known what there is to settle
            await asyncio.wait(authorising, timeout=FLUSH)
        await outbox.drained(FLUSH)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        alerts.close()
        with contextlib.suppress(OSError):
            outbox.close()
        await services.verdict_cache.close()
        await services.site_issuers.close()
        await services.presets.close()
        await pool.close()
        await sending.aclose()
