"""One request in flight: how far it has come, and what it would be settled as if it ended now."""

import asyncio
import logging
import time
from collections.abc import Callable

from gateway.backends.scheduler import Ticket
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect, Sanitised, Usage
from gateway.http.exchange import Exchange
from gateway.proxy.meter import BodyMeter, PartMeter, StreamMeter, estimate_prompt
from gateway.proxy.outbox import Outbox, Slot
from gateway.stores import Settlement, Verdict

_log = logging.getLogger("localllm")


class InFlight:
    """`settle` may be called from several ends of the pipeline; the first one counts.

    `verdict` is what the store said, or until it has (`permitted`), what it is expected to say.
    `ended` is told what the request came to, before the outbox has it.
    """

    def __init__(
        self,
        exchange: Exchange,
        dialect: Dialect,
        asked: Sanitised,
        slot: Slot,
        outbox: Outbox,
        ended: Callable[[Settlement], None],
    ) -> None:
        self.exchange = exchange
        self.dialect = dialect
        self.asked = asked
        self.verdict = Verdict(False)
        self.permitted = asyncio.Event()  # until then nothing of the answer leaves
        self.asking: asyncio.Task[Verdict | Refusal] | None = None  # the store, beside the model
        self.ticket: Ticket | None = None
        self.meter: StreamMeter | BodyMeter | PartMeter | None = None
        self._slot = slot
        self._outbox = outbox
        self._ended = ended
        self._status: str | None = None
        self._ttft_ms: int | None = None
        self._settled = False

    def permit(self, verdict: Verdict) -> None:
        """The store said yes."""
        self.verdict = verdict
        self._slot.settlement.key_id = verdict.key_id
        self.permitted.set()

    def began(self) -> None:
        """The first byte of the answer is here."""
        if self._ttft_ms is None:
            self._ttft_ms = self._elapsed_ms()

    def cut(self, status: str) -> None:
        """It does not end as it should. The first cause stands."""
        self._status = self._status or status

    def checkpoint(self) -> None:
        """Write down how far it has come, for the case that this process dies."""
        if self._settled:
            return
        self._fill("gateway_died")
        try:
            self._outbox.checkpoint(self._slot)
        except OSError as problem:
            _log.error("the outbox cannot be written: %s", problem)

    def settle(self) -> None:
        """It is final: the outbox has it on disk before this returns, and sends it to the store.
        If the client left before the store's word came, that is waited for: it says whether there
        is a hold."""
        if self._settled:
            return
        if self.asking is not None and not self.permitted.is_set():
            self.asking.add_done_callback(self._told)
            return
        self._settled = True
        self._fill("ok")
        self._slot.settlement.duration_ms = self._elapsed_ms()
        self._ended(self._slot.settlement)
        self._outbox.commit(self._slot)

    def withdraw(self, refusal: Refusal | None) -> None:
        """It was not permitted; None: the store's word never came."""
        if self._settled:
            return
        self._settled = True
        lost = refusal is None or refusal.reason == "store_unavailable"
        self._outbox.withdraw(self._slot, lost=lost)

    def _told(self, asking: asyncio.Task[Verdict | Refusal]) -> None:
        verdict = None if asking.cancelled() or asking.exception() else asking.result()
        if isinstance(verdict, Verdict):
            self.permit(verdict)
            self.settle()
        else:
            self.withdraw(verdict)

    def _fill(self, status: str) -> None:
        """Reported counts as they are; else what was seen (DESIGN.md, invariant 3)."""
        settlement = self._slot.settlement
        settlement.status = self._status or status
        settlement.ttft_ms = self._ttft_ms
        usage, settlement.usage_source = self._counted()
        settlement.prompt_tokens = usage.prompt_tokens
        settlement.completion_tokens = usage.completion_tokens

    def usage(self) -> Usage:
        """What it has come to so far."""
        return self._counted()[0]

    def _counted(self) -> tuple[Usage, str]:
        """The same, and from where that is known."""
        asked = self.asked
        guess = min(estimate_prompt(asked.prompt_bytes, asked.messages), asked.prompt_bound)
        usage = self.meter.usage if self.meter else None
        if usage and self.meter and (usage.completion_tokens or not self.meter.text()):
            if usage.prompt_tokens or not usage.completion_tokens:
                return usage, "reported"
            # Some leave the prompt out where a cache spared them the reading.
            return Usage(guess, usage.completion_tokens), "estimated"
        began = self.meter.estimate() if self.meter else 0
        seen = min(began, self.verdict.granted)
        # A whole answer without a generated token is a vector: its prompt was read all the same.
        whole = isinstance(self.meter, BodyMeter) and self.meter.complete and not self._status
        nothing = not began and self._status in {"refused", "upstream_error"}
        usage = Usage(guess if began or whole else 0, seen)
        return usage, "none" if nothing else "estimated"

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self.exchange.started) * 1000)
