"""The tables of docs/scale.md, and where they stand there."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

from bench.command import processor
from bench.figures import p99
from bench.scale import far, near
from bench.scale.stream_cost import StreamCost

PARTS = ("machine", "sums", "near", "limits", "far", "arithmetic")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def near_table(cases: Sequence[near.Case]) -> str:
    head = (
        *("callers", "gateways", "asked/s", "answered/s", "median ms", "p99 ms"),
        *("gateways' CPU", "Postgres' CPU", "connections", "lock wait ms", "WAL bytes"),
    )
    most = max(one.gateways for one in cases)
    ends = [
        f"{1 / (one.seen.cpu / max(1, one.load.answered)):,.0f} a second of {one.whose}"
        for one in cases
        if one.gateways == most and one.rate is None
    ]
    rows = table(head, [_near_row(one) for one in cases])
    told = f"By its CPU, a core of Postgres carries, flat out with {most} gateways"
    return f"{rows}\n\n{told}: {', '.join(ends)}."


def _near_row(one: near.Case) -> Sequence[object]:
    load, seen = one.load, one.seen
    answers = max(1, load.answered)
    return (
        one.whose,
        one.gateways,
        one.rate or "flat out",
        f"{load.rate:.0f}",
        f"{median(load.took or [0.0]) * 1e3:.1f}",
        f"{p99(load.took) * 1e3:.0f}",
        f"{one.gateway_cpu / answers * 1e3:.2f}",
        f"{seen.cpu / answers * 1e3:.2f}",
        seen.connections,
        f"{seen.waiting * load.seconds / answers * 1e3:.2f}",
        f"{seen.wal / answers:.0f}",
    )


def limit_table(limits: Sequence[near.Limit]) -> str:
    head = (
        *("limit", "gateways", "callers", "tokens", "answers", "counted"),
        *("tokens charged", "told to come again", "overspent"),
    )
    rows = [
        (
            *(one.whose, one.gateways, one.callers, one.limit, one.answered, one.requests),
            *(one.tokens, _held(one), one.overspent),
        )
        for one in limits
    ]
    return table(head, rows)


def _held(one: near.Limit) -> int:
    """Times that holds alone stood in the way."""
    return sum(one.told.values()) - one.answered - one.callers


def far_table(cases: Sequence[far.FarCase]) -> str:
    head = (
        *("callers", "gateways", "asked/s", "answered/s", "first token, added ms", "p99 ms"),
        *("calls", "of which settle", "stand-in's CPU"),
    )
    rows = [
        (
            *(one.whose, one.gateways, one.rate, f"{one.load.rate:.0f}"),
            *(f"{one.added * 1e3:+.0f}", f"{one.added_p99 * 1e3:+.0f}"),
            *(f"{one.calls:.2f}", f"{one.settling:.2f}", f"{one.project_cpu:.0%}"),
        )
        for one in cases
    ]
    return table(head, rows)


_AN_ANSWER = 256  # tokens
_MACHINES = (
    ("a laptop, one answer at a time", 40),
    ("a card for games, eight at a time", 400),
    ("a card of a data centre", 3_000),
    ("ten of those", 30_000),
)


def arithmetic(cost: StreamCost) -> str:
    """How much CPU beside so many tokens a second."""
    inputs = (
        f"`t` = {cost.token * 1e6:.0f} µs for a token, `r` = {cost.gateway * 1e3:.2f} ms for the "
        f"rest of a stream, `p` = {cost.postgres * 1e3:.2f} ms of Postgres for it."
    )
    head = ("model servers", "tokens/s", "answers/s", "cores of gateways and Postgres")
    rows = [
        (name, f"{tokens:,}", f"{tokens / _AN_ANSWER:.1f}", f"{_cores(cost, tokens):.2f}")
        for name, tokens in _MACHINES
    ]
    most = 1 / _cores(cost, 1)
    return (
        f"{inputs}\n\n{table(head, rows)}\n\nOne core carries {most:,.0f} tokens a second, in "
        f"{most / _AN_ANSWER:.0f} answers."
    )


def _cores(cost: StreamCost, tokens: float) -> float:
    return cost.cores(tokens, _AN_ANSWER)


def machine(fsync_ms: float, load: float) -> str:
    """Where the figures are from."""
    return (
        f"{os.cpu_count()} cores ({processor()}) for everything, the callers and the model "
        f"included; an fsync takes {fsync_ms:.1f} ms; load average {load:.1f} before it began."
    )


def replaced(text: str, parts: dict[str, str]) -> str:
    """The page, with these between `<!-- scale NAME -->` and `<!-- /scale -->`."""
    for name in PARTS:
        begins, ends = f"<!-- scale {name} -->\n", "<!-- /scale -->"
        before, found, rest = text.partition(begins)
        assert found, f"docs/scale.md has no place for {name}"
        text = f"{before}{begins}{parts[name]}\n{ends}{rest.partition(ends)[2]}"
    return text


def write(parts: dict[str, str]) -> None:
    PAGE.write_text(replaced(PAGE.read_text("utf-8"), parts), "utf-8")
