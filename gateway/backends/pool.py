"""The machines with model servers: which of them may serve a request, and which one does."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from gateway.backends.backend import Machine
from gateway.backends.client import Answer
from gateway.backends.models import Model
from gateway.backends.scheduler import Place
from gateway.config.settings import Settings
from gateway.core.errors import Refusal

# What a machine answers that another may do better: it does not let us in, lacks the model or the
# route, is full or broken. Not 504: the client has waited its time already.
_ELSEWHERE = frozenset({401, 403, 404, 405, 407, 429, 500, 501, 502, 503})


class Holder(NamedTuple):
    """A machine that may be asked for a model, and what it told of it; None: nothing."""

    machine: Machine
    model: Model | None


class Fleet:
    """As many machines as OLLAMA_BASE_URL has addresses, in that order."""

    def __init__(self, settings: Settings) -> None:
        self.machines = tuple(
            Machine(url, settings.ollama_timeout, settings.upstream_concurrency)
            for url in settings.ollama_base_url
        )
        self._allow_cloud = settings.allow_cloud_models

    @property
    def demo(self) -> bool:
        """Whether the demo model answers, in the place of the first machine."""
        return self.machines[0].upstream.target.listed_only

    def refresh(self) -> None:
        """Ask every machine for its models, without waiting."""
        for machine in self.machines:
            machine.catalogue.refresh()

    async def close(self) -> None:
        await asyncio.gather(*(machine.close() for machine in self.machines))

    async def holders(
        self, name: str, *, cloud: bool, native: bool = False, among: Sequence[Machine] = ()
    ) -> list[Holder] | Refusal:
        """Where a request for a model may go: to the machines that have it, or if none has, to
        those that did not tell. Never to where the model would leave for the cloud, unless the
        owner allows that; `cloud`: by its spelling it would from everywhere. `native`: only an
        Ollama can serve it. `among`: of these machines only."""
        machines = among or self.machines
        if len(machines) == 1:
            machine = machines[0]
            model = await machine.catalogue.find(name)
            if native and machine.catalogue.foreign:
                return Refusal("not_supported")
            judged = self._judge(machine, model, name, cloud)
            return judged if isinstance(judged, Refusal) else [judged]
        told = [(machine, machine.catalogue.told(name)) for machine in machines]
        found = self._able(told, name, cloud, native)
        if isinstance(found, list) and found[0].model is not None:
            return found  # nobody waits for the machines that may have it too
        models = await asyncio.gather(*(machine.catalogue.find(name) for machine in machines))
        return self._able(list(zip(machines, models, strict=True)), name, cloud, native)

    def _able(
        self,
        told: list[tuple[Machine, Model | Refusal | None]],
        name: str,
        cloud: bool,
        native: bool,
    ) -> list[Holder] | Refusal:
        judged = [
            self._judge(machine, model, name, cloud)
            for machine, model in told
            if not (native and machine.catalogue.foreign)
        ]
        holders = [one for one in judged if isinstance(one, Holder)]
        having = [one for one in holders if one.model is not None]
        silent = [one for one in holders if not one.machine.catalogue.known]
        if having or silent:
            return having or silent
        refusals = [one for one in judged if isinstance(one, Refusal)]
        refusals.sort(key=lambda one: one.reason == "unknown_model")  # says least of all
        if refusals:
            return refusals[0]
        holders.sort(key=lambda one: not one.machine.answers)
        return holders[:1] or Refusal("not_supported")  # it says itself that it lacks the model

    def _judge(
        self, machine: Machine, model: Model | Refusal | None, name: str, cloud: bool
    ) -> Holder | Refusal:
        if isinstance(model, Refusal):  # it could run in the cloud under any name
            if not self._allow_cloud:
                return model
            model = None
        remote = cloud or (model is not None and model.remote)
        if remote and not self._allow_cloud:
            return Refusal("cloud_model", model=name, param="model")
        if model is None and machine.upstream.target.listed_only:
            return Refusal("unknown_model", model=name, param="model")
        return Holder(machine, model)

    async def ask(self, place: Place, path: str, body: bytes, *, whole: bool) -> Answer | Refusal:
        """Ask the machine whose slot `place` holds. Where one fails before it begins to answer,
        the next that may serve it is asked in its stead. One that was silent too long is the end:
        the client has waited its time, and the next would begin from nothing."""
        while True:
            machine = place.machine
            assert machine is not None
            response = await machine.upstream.post(path, body, whole=whole)
            if len(place.machines) == 1 or not _doubtful(response, machine):
                return response
            if isinstance(response, Answer):
                response.close()
            await place.move()

    async def each(self, path: str) -> list[tuple[Machine, bytes]] | Refusal:
        """What the machines that answer say at `path`; a refusal where none does."""
        machines = self.machines
        if path.startswith("/api/"):
            machines = [one for one in machines if not one.catalogue.foreign] or machines
        machines = [one for one in machines if one.answers] or machines
        answers = await asyncio.gather(*(one.upstream.read("GET", path) for one in machines))
        refusals = [one for one in answers if isinstance(one, Refusal)]
        refusals.sort(key=lambda one: one.reason == "not_found")
        told = [
            (machine, answer)
            for machine, answer in zip(machines, answers, strict=True)
            if isinstance(answer, bytes)
        ]
        return told or refusals[0]

    async def show(self, name: str, cloud: bool, question: bytes) -> bytes | Refusal:
        """What `POST /api/show` says of a model on the first machine that has it and answers."""
        holders = await self.holders(name, cloud=cloud, native=True)
        if isinstance(holders, Refusal):
            return holders
        answer: bytes | Refusal = Refusal("upstream_unavailable", retry_after_ms=2000)
        for machine in sorted((one.machine for one in holders), key=lambda one: not one.answers):
            answer = await machine.upstream.read("POST", "/api/show", question)
            if isinstance(answer, bytes):
                break
        return answer

    def for_pull(self) -> Machine | None:
        """Where models are pulled to: the first Ollama that answers, so that the owner knows whose
        disk fills. None: there is no Ollama."""
        machines = [one for one in self.machines if not one.catalogue.foreign]
        return min(machines, key=lambda one: not one.answers, default=None)


def _doubtful(response: Answer | Refusal, machine: Machine) -> bool:
    """Whether another machine should be asked. What was known of this one may be out of date."""
    if isinstance(response, Answer):
        if response.status == 404:
            machine.catalogue.refresh()
        return response.status in _ELSEWHERE
    if response.reason == "upstream_timeout":
        machine.catalogue.refresh()
    return response.reason == "upstream_unavailable"
