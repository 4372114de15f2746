"""What a model server does, as far as it matters to who waits: it loads, reads and writes."""

from collections import OrderedDict

from bench.queue.traffic import Talk, Turn

LOAD = 12.0  # seconds; there is room for one model
READS, WRITES = 400.0, 30.0  # tokens a second, of a home's graphics card
SHARED = 0.5  # how much longer it takes for each other that runs at the same time


class Machine:
    """It serves some requests `at_once`, and for as many conversations it keeps what was read, as
    Ollama does: those that came last. Further requests wait in it, in their order."""

    def __init__(self, at_once: int) -> None:
        self.loads = 0
        self._model = ""
        self._read: OrderedDict[int, int] = OrderedDict()  # tokens, by conversation
        self._at_once = at_once
        self._free = [0.0] * at_once  # when each place is free again

    def serves(self, talk: Talk, turn: Turn, now: float) -> tuple[float, int]:
        """The seconds until it has answered, and how many tokens it has to read."""
        begins = max(now, min(self._free))
        loading = 0.0
        if self._model != talk.model:
            self.loads += bool(self._model)
            self._model, loading = talk.model, LOAD
            self._read.clear()
        read = turn.prompt - min(self._read.pop(talk.number, 0), turn.prompt)
        self._read[talk.number] = turn.prompt + turn.answer
        if len(self._read) > self._at_once:
            self._read.popitem(last=False)
        others = sum(end > begins for end in self._free)
        working = (read / READS + turn.answer / WRITES) * (1 + SHARED * others)
        self._free[self._free.index(min(self._free))] = begins + loading + working
        return begins + loading + working - now, read
