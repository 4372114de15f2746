"""Runs one program and says how it went."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import processes
from tryapps import recipes
from tryapps.app import App
from tryapps.gateway import Gateway
from tryapps.model import MODEL, Reached, ScriptedModel
from tryapps.script import FILE, TASK, Script, new_word, spoken
from tryapps.tap import Passed, Tap

_NOWHERE = "http://127.0.0.1:9"  # the port of `discard`: what calls home ends here, at once
_SYSTEM = ["/usr/local/bin", "/usr/bin", "/bin"]
_QUIET = {
    "CI": "1",
    "DO_NOT_TRACK": "1",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "LANG": "C.UTF-8",
    "HTTP_PROXY": _NOWHERE,
    "HTTPS_PROXY": _NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost",
    "http_proxy": _NOWHERE,
    "https_proxy": _NOWHERE,
    "no_proxy": "127.0.0.1,localhost",
}


@dataclass
class Result:
    """How one trial went. `version`: of what; `problem`: why it failed, "" if it did not."""

    app: App
    version: str
    problem: str = ""
    output: str = ""
    passed: list[Passed] = field(default_factory=list[Passed])
    reached: list[Reached] = field(default_factory=list[Reached])
    counted: int = 0  # tokens charged to the key

    @property
    def refused(self) -> list[Passed]:
        return [one for one in self.passed if one.refused]


class Laboratory:
    """What all trials share: a model, a gateway, and what listens between."""

    def __init__(self, model: ScriptedModel, gateway: Gateway, tap: Tap) -> None:
        self.model, self.gateway, self.tap = model, gateway, tap

    def run(self, app: App, version: str, installed: Path) -> Result:
        """The conversation, in an empty home and with an environment that is all but empty."""
        key = self.gateway.make_key(app.name, "--agent")
        word = new_word()
        self.model.begin(Script(app.calls, app.answer))
        self.tap.begin()
        result = Result(app, version)
        with tempfile.TemporaryDirectory(prefix="localllm-app-", ignore_cleanup_errors=True) as top:
            home, work = Path(top, "home"), Path(top, "work")
            home.mkdir()
            work.mkdir()
            (work / FILE).write_text(f"The word is {word}.\n")
            for file in app.beside:
                shutil.copy(file, work)
            told = _follow_page(app.program, home, work, (self.tap.url, key, MODEL))
            environ = _environ(app, installed, home)
            environ |= {"GATEWAY": self.tap.url, "KEY": key, "MODEL": MODEL, "TASK": TASK}
            code = _converse(result, f"{told}\n{app.command}", environ, work)
            said = result.output
            if app.found_in is not None:
                file = work / app.found_in
                said = file.read_text("utf-8", "replace") if file.exists() else ""
        result.passed, result.reached = list(self.tap.passed), list(self.model.reached)
        reported = sum(one.tokens for one in result.reached)
        result.counted = self.gateway.used(key, reported)
        if code is None:
            result.problem = f"it did not end within {app.seconds:.0f} s"
        elif code != 0:
            result.problem = f"it ended with exit code {code}"
        elif app.calls and not any(one.called for one in result.reached):
            result.problem = "it offered no tool that could be called"
        elif spoken(word) not in said:
            result.problem = "the model's answer did not come back"
        elif result.counted != reported:
            result.problem = f"the model reported {reported} tokens, {result.counted} were counted"
        return result


def _follow_page(name: str, home: Path, work: Path, filled: tuple[str, str, str]) -> str:
    """Write the files that the page names; its pieces of shell."""
    shell: list[str] = []
    for block in recipes.blocks(recipes.PAGE.read_text("utf-8"), name):
        text = block.filled(*filled)
        if block.file is None:
            shell.append(text)
            continue
        in_home = block.file.startswith("~/")
        file = home / block.file[2:] if in_home else work / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return "\n".join(shell)


def _environ(app: App, installed: Path, home: Path) -> dict[str, str]:
    path = [*map(str, app.package.path(installed)), *_SYSTEM]
    return {
        **_QUIET,
        "HOME": str(home),
        "PATH": os.pathsep.join(path),
        **app.environ,
        "INSTALLED": str(installed),
    }


def _converse(result: Result, shell: str, environ: dict[str, str], work: Path) -> int | None:
    """Run it to its end; its exit code, or None if it took too long. Nothing of it stays behind."""
    process = subprocess.Popen(
        ["/bin/sh", "-ec", shell],
        cwd=work,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    code: int | None = None
    try:
        said, _ = process.communicate(timeout=result.app.seconds)
        code = process.returncode
    except subprocess.TimeoutExpired:
        processes.end(processes.tree(process.pid), patience=0)
        said, _ = process.communicate()
    finally:
        processes.end(_left_behind(environ["HOME"]), patience=0)
    result.output = said.decode("utf-8", "replace")
    return code


def _left_behind(home: str) -> Iterator[psutil.Process]:
    """What a program put into the background, known by its home, which no other has."""
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if one.environ().get("HOME") == home:
                yield one
