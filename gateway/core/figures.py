"""What all requests came to since this gateway started, added up as they end.

Only dictionaries and lists are touched here, so that it costs a request a few microseconds;
telemetry/exposition.py makes of them what Prometheus reads. Keys and models can be many: after the
first ones each further one is counted as `other`, and so is a model that has never answered, whose
name may be a caller's invention.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from gateway.core.record import Record

MOST_KEYS = 100
MOST_MODELS = 50
MOST_SERIES = 5000  # of requests; then keys and models are not told apart any more
OTHER = "other"
_LONGEST = 100  # characters of a label
# Seconds. What OpenTelemetry's conventions for models say, and on for slow machines.
DURATIONS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
LONG = (*DURATIONS, 163.84, 327.68)
FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0),
)
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@lru_cache(maxsize=256)
def clean(text: str) -> str:
    """A name as a label: Prometheus takes any text, but people see it in a terminal."""
    shown = "".join(each if each.isprintable() else "?" for each in text[:_LONGEST])
    return shown.encode("utf-8", "replace").decode()


class Histogram:
    """How many values were at most so large, bound by bound."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> "Histogram":
        made = Histogram(self.bounds)
        made.counts, made.total = self.counts.copy(), self.total
        return made


class Labels:
    """The first `most` values stand for themselves, from when they were `earned`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = {""}

    def __call__(self, value: str, *, earned: bool) -> str:
        if value in self._known:
            return value
        if not earned or len(self._known) > self._most:
            return OTHER
        self._known.add(value)
        return value


class Request(NamedTuple):
    """What requests are told apart by. `key`: its id, or empty where nobody was recognised."""

    route: str
    model: str
    key: str
    status: str


class Tokens(NamedTuple):
    """What tokens are told apart by. `source`: reported or estimated."""

    model: str
    key: str
    source: str


class Figures:
    """Call it with each record."""

    def __init__(self, routes: Collection[str]) -> None:
        """`routes`: those to the model."""
        self.requests: dict[Request, int] = defaultdict(int)
        self.tokens: dict[Tokens, list[int]] = defaultdict(lambda: [0, 0])  # prompt, completion
        self.refusals: dict[tuple[str, str], int] = defaultdict(int)  # by route and code
        # By route and model:
        self.durations: dict[tuple[str, str], Histogram] = defaultdict(lambda: Histogram(LONG))
        self.first_tokens: dict[tuple[str, str], Histogram] = defaultdict(
            lambda: Histogram(FIRST_TOKEN)
        )
        self.authorising = Histogram(QUICK)
        self.settling = Histogram(QUICK)
        self._routes = frozenset(routes)
        self._models = Labels(MOST_MODELS)
        self._keys = Labels(MOST_KEYS)
        self._key_ids: dict[UUID | None, str] = {None: ""}

    def __call__(self, record: Record, scope: Mapping[str, Any]) -> None:
        route = record.route if record.route in self._routes else OTHER
        if record.refusal is not None:
            self.refusals[route, record.refusal.reason] += 1
        if not record.for_model:
            return
        answered = record.status == "ok" or record.ttft_ms is not None
        model = self._models(clean(record.model), earned=answered)
        key = self._key(record.key_id)
        request = Request(route, model, key, record.status)
        if request not in self.requests and len(self.requests) >= MOST_SERIES:
            request = Request(route, OTHER, OTHER, record.status)
        self.requests[request] += 1
        if record.prompt_tokens or record.completion_tokens:
            both = self.tokens[Tokens(model, key, record.usage_source)]
            both[0] += record.prompt_tokens
            both[1] += record.completion_tokens
        if record.backend:
            self.durations[route, model].observe(record.duration_ms / 1000)
            if record.stream and record.ttft_ms is not None:
                self.first_tokens[route, model].observe(record.ttft_ms / 1000)

    def keys(self) -> list[str]:
        """The ids of those that have a label of their own."""
        return [known for key, known in self._key_ids.items() if key is not None]

    def _key(self, key_id: UUID | None) -> str:
        known = self._key_ids.get(key_id)
        if known is None:
            known = self._keys(str(key_id), earned=True)
            if known is not OTHER:
                assert key_id is not None
                self._key_ids[key_id] = known
        return known
