"""What a model's own reports teach about the next requests to it.

Callers choose the prompts that teach, so nothing here grows without a bound: it moves what is held
and estimated, never what is charged where the model server reports.
"""

import time

MOST_MODELS = 1000
MOST_OVERHEAD = 4096  # tokens
KEPT = 1800.0  # seconds that an overhead is held after it was last needed; twice that at most
PAUSE = 1.0  # seconds between two lessons about the ratio
WEIGHT = 1 / 32  # of one lesson
LOWEST, HIGHEST = 0.75, 2.0  # times the estimate; what servers leave out for a cache is no lesson
LONG = 400  # bytes of a prompt from which its ratio says something


class Experience:
    """With one model. `overhead`: tokens that its template adds beyond the bound of a prompt.
    `ratio`: its prompt tokens, as a multiple of those estimated; an average."""

    def __init__(self) -> None:
        self.ratio = 1.0
        self._learned = -PAUSE
        self._most = 0  # of this half of the time that is looked back to
        self._most_before = 0  # of the other half
        self._since = time.monotonic()

    @property
    def overhead(self) -> int:
        """What is not needed any more is forgotten: one odd report must not bind everybody."""
        if not self._most and not self._most_before:
            return 0
        self._forget_old()
        return max(self._most, self._most_before)

    def exceeded(self, tokens: int) -> None:
        """A prompt had so many tokens more than its bound is without what was learned. So the same
        report teaches the same, however many such requests run at once."""
        self._forget_old()
        self._most = max(self._most, min(MOST_OVERHEAD, tokens))

    def _forget_old(self) -> None:
        passed = time.monotonic() - self._since
        if passed >= KEPT:
            self._most_before = self._most if passed < 2 * KEPT else 0
            self._most = 0
            self._since += passed

    def is_due(self, prompt_bytes: int) -> bool:
        """Whether another lesson about the ratio is worth its time."""
        return prompt_bytes >= LONG and time.monotonic() - self._learned >= PAUSE

    def reported(self, tokens: int, estimated: float) -> None:
        """A prompt had so many tokens, and was estimated to have others."""
        self._learned = time.monotonic()
        told = min(max(tokens / max(estimated, 1), LOWEST), HIGHEST)
        self.ratio += (told - self.ratio) * WEIGHT


class Experiences:
    """With the models of one backend, by canonical name. Nothing of it outlives the process."""

    def __init__(self) -> None:
        self._known: dict[str, Experience] = {}

    def overhead(self, name: str) -> int:
        known = self._known.get(name)
        return known.overhead if known else 0

    def of(self, name: str) -> Experience:
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= MOST_MODELS:
                del self._known[next(iter(self._known))]
            known = self._known[name] = Experience()
        return known
