"""The models of one backend: kept fresh in the background, so that requests rarely wait."""

import asyncio
import time

from gateway.backends.client import BackendClient
from gateway.backends.experience import Experiences
from gateway.backends.listing import Shown, ollama_models, openai_models
from gateway.backends.model import Model
from gateway.core.errors import Refusal

FRESH = 30.0  # seconds before a look-up also asks anew
_UNTOLD = Refusal(
    "upstream_busy", "The model server does not say which models it has.", retry_after_ms=2000
)
RETRY = 1.0  # seconds between two looks for a model that was not there


class ModelList:
    """Models by canonical name. `known` is False while the model server has not told; `foreign`:
    it tells as OpenAI does, not as Ollama."""

    def __init__(self, client: BackendClient) -> None:
        self._client = client
        self._models: dict[str, Model] = {}
        self._shown: dict[str, Shown] = {}  # by digest
        self._asked = 0.0
        self._source: object = None
        self._task: asyncio.Task[None] | None = None
        self._sure = True  # the last look said what there is
        self._failing: Refusal | None = None  # while it has never told: why
        self.known = False
        self.foreign = False
        self.experiences = Experiences()

    async def find(self, name: str) -> Model | Refusal | None:
        """The model, or None if it is not installed (or, while not `known`, perhaps is). A refusal:
        the model server does not tell which models run elsewhere."""
        unasked = not self._is_current() or not self._sure
        missing = self.known and name not in self._models
        if not unasked and not (missing and time.monotonic() - self._asked > RETRY):
            return self.told(name)
        await asyncio.shield(self.refresh())
        while not self._is_current():  # that was the answer of the server before
            await asyncio.shield(self.refresh())
        return self._said(name)

    def told(self, name: str) -> Model | Refusal | None:
        """The same as far as it is known now, without waiting; what is old is asked anew."""
        if not self._is_current():
            self.refresh()
            return None
        if time.monotonic() - self._asked > (FRESH if self.known else RETRY):
            self.refresh()
        return self._said(name)

    def _said(self, name: str) -> Model | Refusal | None:
        return self._failing or self._models.get(name)

    def _is_current(self) -> bool:
        """Whether it was told by the model server that requests go to now."""
        return self._source is self._client.target

    def refresh(self) -> asyncio.Task[None]:
        """Ask the model server, unless that is under way."""
        if self._task is None or self._task.done():
            self._asked = time.monotonic()
            self._task = asyncio.create_task(self._read())
        return self._task

    async def close(self) -> None:
        """Give up asking, if that is under way: it would open a connection that nobody closes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _read(self) -> None:
        source = self._client.target
        told = await ollama_models(self._client, self._shown)
        ollama = told is not None
        if not ollama:  # its models are where OpenAI's are
            told = await openai_models(self._client)
        same = source is self._source
        self._source = source
        if isinstance(told, Refusal) and self.known and same:
            return  # what it told last holds until it tells something else
        if not ollama and isinstance(told, Refusal):
            told = None  # it has never said what it is
        self.foreign = not ollama and told is not None
        self._sure = not isinstance(told, Refusal)
        # Also where it seems to be away: it may be back for the request, or only break this answer.
        self._failing = None
        if isinstance(told, Refusal):
            self._failing = told if told.reason == "upstream_unavailable" else _UNTOLD
        self.known = isinstance(told, dict)
        self._models = told if isinstance(told, dict) else {}
