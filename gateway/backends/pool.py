"""The pool of model servers: which of them may serve a request, and which one does.

**Sent again?** Three places decide that, each for its own case, and all of them only before an
answer has begun:

- To the same server, on a new connection (`http1/client.py`): only a GET is repeated, where a kept
  connection broke. A POST may have arrived, and the server may be at work on it.
- To the same server, later (`backend.py`): what it refused with 503 because it still loads the
  model, where no other server can serve it. It has done nothing for it yet.
- To another server (`BackendPool.send`): any request for a model whose server failed or refused.
  Such a request changes nothing on a server, and only the one that answers is counted, so the worst
  is that two have worked on it. The one that failed is not asked a second time: it may still be at
  work on it, or have failed because of it.

Nothing is repeated where a server was silent for too long: its client has waited that time.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from gateway.backends.backend import Backend
from gateway.backends.client import ModelResponse
from gateway.backends.model import Model
from gateway.backends.scheduler import Ticket
from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.core.model_names import is_foreign

# Statuses of a backend after which another is asked: it does not let us in, lacks the model or the
# route, is full or broken. Not 504: the client has waited its time already.
_ELSEWHERE = frozenset({401, 403, 404, 405, 407, 429, 500, 501, 502, 503})


class Candidate(NamedTuple):
    """A backend that may serve a request, and what it said of the model; None: nothing."""

    backend: Backend
    model: Model | None


class BackendPool:
    """One backend for each address of OLLAMA_BASE_URL, in that order."""

    def __init__(self, settings: Settings) -> None:
        self.backends = tuple(
            Backend(url, settings.ollama_timeout, settings.upstream_concurrency)
            for url in settings.ollama_base_url
        )
        self._allow_cloud = settings.allow_cloud_models
        self._default_model = settings.ollama_default_model

    @property
    def demo(self) -> bool:
        """Whether the demo model answers, in the place of the first backend."""
        return self.backends[0].client.target.listed_only

    @property
    def default_model(self) -> str:
        """The model that is used where a request names none."""
        if self.demo:
            from gateway.demo.process import MODEL  # loaded already, or there is no demo model

            return MODEL
        return self._default_model

    def no_ollama(self) -> Refusal:
        """Why what only an Ollama can do is not done."""
        return Refusal("demo_model" if self.demo else "not_supported")

    def refresh(self) -> None:
        """Ask every backend for its models, without waiting."""
        for backend in self.backends:
            backend.models.refresh()

    async def close(self) -> None:
        await asyncio.gather(*(backend.close() for backend in self.backends))

    async def candidates(
        self, name: str, *, cloud: bool, native: bool = False, among: Sequence[Backend] = ()
    ) -> list[Candidate] | Refusal:
        """Where a request for a model may go: to the backends that have it or, if none has, to
        those that have not said what they have. Never to where the model would run in Ollama's
        cloud, unless the owner allows that; `cloud`: its spelling asks for the cloud. `native`:
        only an Ollama can serve it. `among`: only these backends."""
        backends = among or self.backends
        if len(backends) == 1:
            backend = backends[0]
            model = await backend.models.find(name)
            if native and backend.models.foreign:
                return self.no_ollama()
            judged = self._judge(backend, model, name, cloud)
            return judged if isinstance(judged, Refusal) else [judged]
        told = [(backend, backend.models.told(name)) for backend in backends]
        found = self._able(told, name, cloud, native)
        if isinstance(found, list) and found[0].model is not None:
            return found  # nobody waits for those that may have it too
        models = await asyncio.gather(*(backend.models.find(name) for backend in backends))
        return self._able(list(zip(backends, models, strict=True)), name, cloud, native)

    def _able(
        self,
        told: list[tuple[Backend, Model | Refusal | None]],
        name: str,
        cloud: bool,
        native: bool,
    ) -> list[Candidate] | Refusal:
        judged = [
            self._judge(backend, model, name, cloud)
            for backend, model in told
            if not (native and backend.models.foreign)
        ]
        candidates = [one for one in judged if isinstance(one, Candidate)]
        having = [one for one in candidates if one.model is not None]
        silent = [one for one in candidates if not one.backend.models.known]
        if having or silent:
            return having or silent
        refusals = [one for one in judged if isinstance(one, Refusal)]
        refusals.sort(key=lambda one: one.reason == "demo_lacks_model")  # says least of all
        if refusals:
            return refusals[0]
        candidates.sort(key=lambda one: not one.backend.is_up)
        return candidates[:1] or self.no_ollama()  # it says itself that it lacks the model

    def _judge(
        self, backend: Backend, model: Model | Refusal | None, name: str, cloud: bool
    ) -> Candidate | Refusal:
        if isinstance(model, Refusal):  # it could run in the cloud under any name
            if not self._allow_cloud:
                return model
            model = None
        remote = cloud or (model is not None and model.remote)
        if remote and not self._allow_cloud:
            return Refusal("cloud_model", model=name, param="model")
        if model is None and backend.client.target.listed_only:
            return Refusal("demo_lacks_model", self.default_model, model=name, param="model")
        if model is None and is_foreign(name):
            return Refusal("unknown_model", model=name, param="model")
        return Candidate(backend, model)

    async def send(
        self, ticket: Ticket, path: str, body: bytes, *, whole: bool, trace: str = ""
    ) -> ModelResponse | Refusal:
        """Send a request to the backend whose slot the ticket holds. Where that fails before it
        begins to answer, the next candidate is asked. `trace`: the header traceparent; empty: none.
        """
        while True:
            backend = ticket.backend
            assert backend is not None
            alone = len(ticket.backends) == 1
            response = await backend.post(
                path, body, ticket.model, whole=whole, alone=alone, trace=trace
            )
            if alone or not _doubtful(response, backend):
                return response
            if isinstance(response, ModelResponse):
                response.close()
            await ticket.move()

    async def each(self, path: str) -> list[tuple[Backend, bytes]] | Refusal:
        """What the backends that answer say at `path`; a refusal where none does."""
        backends = self.backends
        if path.startswith("/api/"):
            backends = [one for one in backends if not one.models.foreign] or backends
        backends = [one for one in backends if one.is_up] or backends
        answers = await asyncio.gather(*(one.client.read("GET", path) for one in backends))
        refusals = [one for one in answers if isinstance(one, Refusal)]
        refusals.sort(key=lambda one: one.reason == "not_found")
        told = [
            (backend, answer)
            for backend, answer in zip(backends, answers, strict=True)
            if isinstance(answer, bytes)
        ]
        return told or refusals[0]

    async def show(self, name: str, cloud: bool, body: bytes) -> bytes | Refusal:
        """What `POST /api/show` says of a model on the first backend that has it and answers."""
        candidates = await self.candidates(name, cloud=cloud, native=True)
        if isinstance(candidates, Refusal):
            return candidates
        answer: bytes | Refusal = Refusal("upstream_unavailable", retry_after_ms=2000)
        for backend in sorted((one.backend for one in candidates), key=lambda one: not one.is_up):
            answer = await backend.client.read("POST", "/api/show", body)
            if isinstance(answer, bytes):
                break
        return answer

    def for_pull(self) -> Backend | None:
        """Where models are pulled to: the first Ollama that answers, so that the owner knows whose
        disk fills. None: there is no Ollama."""
        backends = [one for one in self.backends if not one.models.foreign]
        return min(backends, key=lambda one: not one.is_up, default=None)


def _doubtful(response: ModelResponse | Refusal, backend: Backend) -> bool:
    """Whether another backend should be asked. What was known of this one may be out of date."""
    if isinstance(response, ModelResponse):
        if response.status == 404:
            backend.models.refresh()
        return response.status in _ELSEWHERE
    if response.reason == "upstream_timeout":
        backend.models.refresh()
    return response.reason == "upstream_unavailable"
