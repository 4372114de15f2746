"""The figures of the report: how they are made of samples, their targets, and the table."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `at_most` and `at_least` are the gateway's targets, which stand in
    docs/performance.md, too."""

    key: str
    title: str
    digits: int = 3
    at_most: float | None = None
    at_least: float | None = None
    ratio: bool = True  # whether a ratio to nginx says anything

    def met(self, value: float) -> bool | None:
        if self.at_most is not None:
            return value <= self.at_most
        return value >= self.at_least if self.at_least is not None else None

    @property
    def target(self) -> str:
        sign, bound = ("≤", self.at_most) if self.at_most is not None else ("≥", self.at_least)
        return "" if bound is None else f"{sign} {bound:g}"


FIGURES = (
    Figure("cpu_requests", "CPU s per 1,000 requests", 3),
    Figure("cpu_requests_times", "  times that of the bare proxy", 2, at_most=2.2, ratio=False),
    Figure("cpu_streams", "CPU s per 1,000 bursts of 200", 3),
    Figure("cpu_streams_times", "  times that of the bare proxy", 2, at_most=1.5, ratio=False),
    Figure("db_requests", "  Postgres' CPU s, requests", 3, at_most=0.2, ratio=False),
    Figure("db_streams", "  Postgres' CPU s, bursts", 3, at_most=0.2, ratio=False),
    Figure("rate", "requests/s, 16 callers", 0),
    Figure("ttft", "first token, median ms", 2),
    Figure("ttft_added", "  added to direct, ms", 2, at_most=0.8, ratio=False),
    Figure("lost", "held streams lost", 0, at_most=0, ratio=False),
    Figure("delay", "chunk delay, p99 ms", 2),
    Figure("delay_added", "  added to direct, ms", 2, at_most=4.0, ratio=False),
    Figure("stream_kb", "memory of a held stream, KB", 1, at_most=100.0),
    Figure("after_held", "throughput after held / before", 2, at_least=0.8, ratio=False),
    Figure("idle_mb", "idle RSS, MB", 1, at_most=65.0),
    Figure("end_mb", "RSS after the load, MB", 1),
    Figure("warm_s", "warm start to ready, s", 2, at_most=2.0, ratio=False),
    Figure("wrong", "wrong or missing answers", 0, at_most=0, ratio=False),
    Figure("uncounted", "answers not counted exactly", 0, at_most=0, ratio=False),
)


def p99(samples: Sequence[float]) -> float:
    return quantiles(samples, n=100)[98] if len(samples) > 1 else median(samples or [0.0])


@dataclass(slots=True)
class Samples:
    """Everything measured on one server."""

    values: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    def add(self, key: str, value: float) -> None:
        self.values[key].append(value)

    def figures(self) -> dict[str, float]:
        """The median of the rounds; what must never happen is summed."""
        summed = {"lost", "wrong", "uncounted"}
        return {k: sum(v) if k in summed else median(v) for k, v in self.values.items() if v}


def compare(samples: dict[str, Samples]) -> dict[str, dict[str, float]]:
    """Figures by server, with what each adds to the direct line of the same run, and how many times
    the CPU of the bare proxy it takes: the median of the rounds, each compared with its own."""
    made = {name: each.figures() for name, each in samples.items()}
    for name, each in samples.items():
        for key in ("cpu_requests", "cpu_streams"):
            bare = samples["bare"].values[key] if "bare" in samples else []
            rounds = [a / b for a, b in zip(each.values[key], bare, strict=False) if b]
            if rounds and name not in {"direct", "bare"}:
                made[name][f"{key}_times"] = median(rounds)
    for key in ("ttft", "delay"):
        base = made["direct"].get(key)
        for name, figures in made.items():
            if name != "direct" and base is not None and key in figures:
                figures[f"{key}_added"] = figures[key] - base
    return made


def verdicts(made: dict[str, dict[str, float]]) -> dict[str, bool]:
    """Which targets the gateway meets; a figure that could not be taken is not met."""
    if "localllm" not in made:
        return {}
    found: dict[str, bool] = {}
    for figure in FIGURES:
        if figure.target:
            value = made["localllm"].get(figure.key)
            found[figure.key] = value is not None and bool(figure.met(value))
    return found


def table(made: dict[str, dict[str, float]]) -> str:
    met = verdicts(made)
    row = "{:<32}{:>10}{:>10}{:>10}{:>10}{:>9}  {:<8}{}"
    lines = [row.format("", "direct", "nginx", "bare", "localllm", "×nginx", "target", "met")]
    for figure in FIGURES:
        values = {name: figures.get(figure.key) for name, figures in made.items()}
        cells = [
            "–" if (value := values.get(name)) is None else f"{value:.{figure.digits}f}"
            for name in ("direct", "nginx", "bare", "localllm")
        ]
        ours, theirs = values.get("localllm"), values.get("nginx")
        ratio = f"{ours / theirs:.1f}" if figure.ratio and ours is not None and theirs else ""
        verdict = {True: "yes", False: "NO", None: ""}[met.get(figure.key)]
        lines.append(row.format(figure.title, *cells, ratio, figure.target, verdict).rstrip())
    return "\n".join(lines)
