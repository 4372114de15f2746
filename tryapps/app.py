"""What a trial needs to know of a program."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tryapps.install import Package
from tryapps.script import Script, ToolCall


@dataclass(frozen=True)
class App:
    """A program, or another use of one.

    `command`: shell that runs after what docs/apps.md tells people to set. It may use $TASK, what
    to ask the model, $MODEL, $GATEWAY and $KEY. `calls`, `answer`: see Script. `beside`: files that
    the command needs in its folder. `environ`: what keeps the program from calling home, or from
    asking on a terminal. `found_in`: the file that has the word in the end, where it is not said.
    `installed_as`: the name of the program that this is another use of; it has the blocks of it.
    """

    name: str
    title: str
    package: Package
    command: str
    calls: tuple[ToolCall, ...] = ()
    answer: str = Script.answer
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    beside: tuple[Path, ...] = ()
    found_in: str | None = None
    seconds: float = 120.0
    installed_as: str = ""

    @property
    def program(self) -> str:
        return self.installed_as or self.name
