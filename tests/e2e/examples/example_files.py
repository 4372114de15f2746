"""The table of examples/README.md, and how to do what it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.support.forked.process import in_text
from tests.support.forked.process import run as forked_run
from tests.support.gateway_process import PATIENCE
from tests.support.node import packages, search_path
from tests.support.paths import ROOT

EXAMPLES = ROOT / "examples"
README = (EXAMPLES / "README.md").read_text("utf-8")
MISSING = "Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.\n"


class Example(NamedTuple):
    """One row. The files are relative to the folder of all examples."""

    files: tuple[str, ...]
    command: str


def table() -> list[Example]:
    rows = re.findall(r"^\| (\[.*?) \|.*\| `(.*?)`.* \|$", README, re.MULTILINE)
    return [Example(tuple(re.findall(r"\]\((.*?)\)", files)), command) for files, command in rows]


def websites() -> list[str]:
    """The folders of the second table."""
    return sorted(re.findall(r"^\| \[(web-[\w-]+)\]\(\1/README\.md\) \|", README, re.MULTILINE))


PROGRAMS = [one for one in table() if not one.files[0].startswith("web/")]
[PAGE] = [one for one in table() if one.files[0].startswith("web/")]


def copied(folder: Path) -> Path:
    """The examples after what the README says to do first: with npm's packages beside them, and
    with this environment, which has those for Python."""
    kept = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(EXAMPLES, folder, ignore=kept, dirs_exist_ok=True)
    (folder / "node" / "node_modules").symlink_to(packages(EXAMPLES / "node"))
    return folder


CLIENTS = ("openai", "anthropic", "ollama", "langchain_openai", "langchain_core.prompts")


def environment(**named: str) -> dict[str, str]:
    """What a person's shell has, with this Python and this Node.js before all others."""
    path = os.pathsep.join([str(Path(sys.executable).parent), search_path()])
    compiled = str(ROOT / ".cache" / "node-compiled")  # as Python keeps what it has compiled
    kept = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "NODE_COMPILE_CACHE": compiled}
    return {**kept, **named}


def run(example: Example, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """What a person sees who types the command of the table."""
    return subprocess.run(
        ["sh", "-c", example.command],
        cwd=folder,
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def run_quickly(example: Example, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """The same for tests of what a program does: a Python that has imported the clients forks."""
    python, *words = example.command.split()
    if python != "python":
        return run(example, folder, **environ)
    command = [sys.executable, *words]
    return in_text(forked_run(command, environment(**environ), folder, modules=CLIENTS))
