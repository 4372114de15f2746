"""The pulls that run, each one a task of the gateway: it goes on when its callers have left.

Whoever asks for a model that is being pulled joins that pull, whosever it is. When the gateway
stops, so do they; Ollama keeps what has come, and a later pull goes on there.
"""

import asyncio
import logging
from time import monotonic

import msgspec

from gateway.backends.backend import Backend
from gateway.backends.client import ModelResponse
from gateway.backends.errors import refusal_from
from gateway.backends.http1 import ReadTimeout, TransportError
from gateway.backends.models import ModelList
from gateway.core.errors import SHUTTING_DOWN, Refusal
from gateway.pulls.progress import Progress

# They share one line and one disk, and Ollama loads each model over 16 connections: more at once
# would end later, all of them. The second lets a small model through while a large one comes.
MOST_PULLS = 2
BUSY_SECONDS = 30
NEWS_SECONDS = 0.25  # Ollama tells some 16 times a second
_NO_SUCH_ROUTE = {404, 405, 501}
_STALLED = Refusal("pull_stalled")
_log = logging.getLogger("localllm.pulls")


class Pull:
    """`ended`: there is no more to tell; `failure`: why it failed, if it did."""

    def __init__(self) -> None:
        self.progress = Progress()
        self.ended = False
        self.failure: Refusal | None = None
        self.edition = 0  # grows with each piece of news
        self._phase = ""  # that was told last
        self._later: asyncio.TimerHandle | None = None  # when the next bytes are told
        self._news = asyncio.Event()

    async def news(self, seen: int) -> int:
        """Wait until there is more to tell than the edition `seen`; the newest one."""
        while self.edition == seen:
            await self._news.wait()
        return self.edition

    def tell(self) -> None:
        """Something has changed. A new phase is told at once, bytes now and then."""
        if self.progress.phase != self._phase:
            self._publish()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(NEWS_SECONDS, self._publish)

    def end(self, failure: Refusal | None) -> None:
        self.failure = failure
        self.ended = True
        self._publish()

    def _publish(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        self._phase = self.progress.phase
        self.edition += 1
        self._news.set()
        self._news = asyncio.Event()


class Pulls:
    """By canonical name of their models. `silence`: seconds of the same news that end a pull."""

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._running: dict[str, Pull] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def join(self, backend: Backend, name: str, sent: str, who: str) -> Pull | Refusal:
        """The pull of the model `name`, which is begun on that machine unless it runs; Ollama is
        asked for `sent`. `who` stands in the log."""
        if self._closed:
            return SHUTTING_DOWN
        pull = self._running.get(name)
        if pull is not None:
            _log.info("%s joins the pull of %s", who, name)
            return pull
        if len(self._running) >= MOST_PULLS:
            return Refusal("too_many_pulls", retry_after_ms=BUSY_SECONDS * 1000)
        _log.info("%s pulls %s", who, name)
        pull = self._running[name] = Pull()
        task = asyncio.create_task(self._run(backend, name, sent, pull))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return pull

    async def close(self) -> None:
        """End them all, and begin no other."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, backend: Backend, name: str, sent: str, pull: Pull) -> None:
        failure: Refusal | None = Refusal("internal_error")
        try:
            failure = await self._pull(backend, sent, pull)
        except asyncio.CancelledError:
            failure = SHUTTING_DOWN
            raise
        except Exception:
            _log.exception("the pull of %s failed inside", name)
        finally:
            del self._running[name]
            pull.end(failure)
            said = failure.message if failure else "success"
            _log.info("pull of %s, %d bytes: %s", name, pull.progress.completed, said)

    async def _pull(self, backend: Backend, sent: str, pull: Pull) -> Refusal | None:
        """Let Ollama pull it, and tell how far that is; why it failed, if so."""
        body = msgspec.json.encode({"model": sent, "stream": True})
        # It says nothing while it reads all bytes again to verify them: minutes on a slow disk.
        response = await backend.client.post("/api/pull", body, whole=True)
        if isinstance(response, Refusal):
            return response
        try:
            failure = await self._follow(response, pull)
        except ReadTimeout:
            failure = _STALLED
        except TransportError:
            failure = Refusal("upstream_error", "The model server broke off the pull half-way.")
        finally:
            response.close()
        if failure is None:
            await _look_anew(backend.models)
        return failure

    async def _follow(self, response: ModelResponse, pull: Pull) -> Refusal | None:
        if response.status in _NO_SUCH_ROUTE:
            return Refusal("not_supported")
        if response.status != 200:
            return await refusal_from(response)
        progress, last = pull.progress, monotonic()
        async for chunk in response.chunks():
            before, now = progress.changes, monotonic()
            progress.feed(chunk)
            if progress.over:
                return progress.failure
            if progress.changes != before:
                last = now
                pull.tell()
            elif now - last > self._silence:  # the same again and again: nothing comes
                return _STALLED
        progress.end()
        return progress.failure


async def _look_anew(models: ModelList) -> None:
    """Before the callers hear of it, since they may ask for the model at once. Twice: a look that
    is under way may have begun too early."""
    for _ in range(2):
        await asyncio.shield(models.refresh())
