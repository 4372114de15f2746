"""The table as Markdown, and its place in docs/performance.md."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import psutil

from bench.command import processor
from bench.figures import FIGURES, Figure
from bench.peers.pinned import PINNED

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- peers: python -m bench.peers --write -->", "<!-- end of peers -->"
# A column each, in this order; the peers come after them.
OURS = {"direct": "direct", "nginx": "nginx", "bare": "bare proxy", "localllm": "localllm"}
TITLES = {"litellm": "LiteLLM", "portkey": "Portkey", "olla": "Olla", "bifrost": "Bifrost"}
KEYS = (
    *("cpu_requests", "db_requests", "cpu_streams", "db_streams", "rate", "ttft", "lost", "delay"),
    *("stream_kb", "after_held", "idle_mb", "db_mb", "end_mb", "warm_s", "wrong"),
)
_MORE = {"db_mb": Figure("db_mb", "  Postgres' idle memory (PSS), MB", 1)}


def lines(made: Mapping[str, Mapping[str, float]], left_out: Mapping[str, str]) -> list[str]:
    """The table, and a line for each peer that is not in it."""
    names = [name for name in (*OURS, *TITLES) if name in made]
    heads = [(OURS | TITLES)[name] for name in names]
    known = {figure.key: figure for figure in FIGURES} | _MORE
    told = [_row("", heads), _row("---", ["---:"] * len(names))]
    told += [
        _row(known[key].title.strip(), [_cell(made[name], known[key]) for name in names])
        for key in KEYS
    ]
    missing = [name for name in (pin.name for pin in PINNED) if name in left_out]
    if missing:
        told += ["", *(f"- {TITLES[name]} is left out: {left_out[name]}." for name in missing)]
    return told


def _row(title: str, cells: list[str]) -> str:
    return f"| {' | '.join([title, *cells])} |"


def _cell(figures: Mapping[str, float], figure: Figure) -> str:
    value = figures.get(figure.key)
    return "–" if value is None else f"{value:,.{figure.digits}f}"


def versions(names: Mapping[str, str]) -> str:
    """What was measured. `names`: of the peers that took part, with what is to be added."""
    told = [
        f"{TITLES[pin.name]} {pin.version} (`{pin.package}`{names[pin.name]})"
        for pin in PINNED
        if pin.name in names
    ]
    return ", ".join(told) or "no peer"


def machine() -> str:
    """The machine in words, without its name."""
    cores = f"{os.cpu_count()} cores of {processor()}"
    memory = psutil.virtual_memory().total / 1e9
    return f"{cores}, {memory:.0f} GB, Python {platform.python_version()}"


def write(text: str, page: Path = PAGE) -> None:
    """Put the table where the page has its two marks."""
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page.name} lacks the lines {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")
