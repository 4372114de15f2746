"""What this gateway sees around it: model servers, tunnel, outbox, disk, clock, guesses."""

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from gateway.alerts import Seen
from gateway.alerts.lasting import Lasting
from gateway.backends.backend import Backend
from gateway.backends.pool import BackendPool
from gateway.core import host_names
from gateway.http.failed_keys import FailedKeyLimiter
from gateway.proxy.outbox import Outbox
from tunnel import status_file

LOW_DISK = 1024**3  # bytes; again enough is half as much more
LONG_WAITING = 300.0  # seconds that a finished request may wait to be counted
CLOCKS_APART = 300.0  # seconds


class Observer:
    """`look` once a minute. What has only just begun, or is not quite over, it leaves out."""

    def __init__(
        self,
        data_dir: Path,
        pool: BackendPool,
        outbox: Outbox,
        failed_keys: FailedKeyLimiter,
        *,
        machine: str = "",
        clock: Callable[[], float] = monotonic,
        free: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        self.machine = machine or socket.gethostname()
        self.store_time: datetime | None = None  # what it was at `told_at`, by the store
        self.told_at = datetime.now(UTC)
        self._data_dir = data_dir
        self._pool = pool
        self._outbox = outbox
        self._failed_keys = failed_keys
        self._lasting = Lasting(clock)
        self._free = free

    async def look(self) -> list[Seen]:
        backends = self._pool.backends[1:] if self._pool.demo else self._pool.backends
        await asyncio.gather(*(asyncio.shield(one.models.refresh()) for one in backends))
        seen = [self._model_server(one) for one in backends]
        tunnel, disk = await asyncio.to_thread(lambda: (self._tunnel(), self._disk()))
        seen += [tunnel, disk, self._waiting(), self._clock(), *self._guesses()]
        return [one for one in seen if one is not None]

    def store_away(self, away: bool) -> Seen | None:
        """To be told by the gateway itself: the store cannot be asked."""
        return self._seen("store", "", self._lasting.judge("store", away))

    def _model_server(self, backend: Backend) -> Seen | None:
        url = backend.client.target.base_url
        holds = self._lasting.judge(url, not backend.is_up)
        topic = f"{self.machine} {url}" if _is_of_own_network(url) else url
        return self._seen("model_server", topic, holds, url=url)

    def _tunnel(self) -> Seen | None:
        """Of a named tunnel. One whose process was stopped takes its file with it, and is missed by
        nobody."""
        folder = self._data_dir / status_file.FOLDER
        status = status_file.last_written(folder)
        if status is None or status.kind != "named" or status.state == "stopping":
            return Seen(f"tunnel {self.machine}", "tunnel", False, {}, told=True)
        alive = status_file.is_alive(status.supervisor_pid, status.supervisor_started)
        holds = self._lasting.judge("tunnel", not alive or status.state != "connected")
        about = {"hostname": status.hostname, "problem": status.problem}
        return self._seen("tunnel", self.machine, holds, **about)

    def _disk(self) -> Seen | None:
        try:
            free, disk = self._free(self._data_dir), self._data_dir.stat().st_dev
        except OSError:
            return None
        holds = None if LOW_DISK <= free < LOW_DISK * 1.5 else free < LOW_DISK
        return self._seen("disk", f"{self.machine} {disk}", holds, free_mb=free // 1024**2)

    def _waiting(self) -> Seen | None:
        waiting, oldest = self._outbox.backlog()
        topic = f"{self.machine} {self._data_dir}"
        about = {"waiting": waiting, "oldest_seconds": round(oldest)}
        return self._seen("outbox", topic, oldest >= LONG_WAITING, **about)

    def _clock(self) -> Seen | None:
        if self.store_time is None:
            return None
        apart = (self.told_at - self.store_time).total_seconds()
        return self._seen("clock", self.machine, abs(apart) > CLOCKS_APART, seconds=round(apart))

    def _guesses(self) -> Iterator[Seen]:
        """Only that they are there: they end by themselves."""
        guessers = self._failed_keys.guessers
        if guessers:
            address = guessers[-1]
            guessers.clear()
            yield Seen("keys", "guesses", True, {"of": "keys", "address": address})

    def _seen(self, kind: str, topic: str, holds: bool | None, **about: Any) -> Seen | None:
        if holds is None:
            return None
        return Seen(f"{kind} {topic}", kind, holds, {"machine": self.machine, **about})


def _is_of_own_network(url: str) -> bool:
    """Whether the address means another machine elsewhere: every home has a 192.168.1.20."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host_names.is_of_own_network(host)
