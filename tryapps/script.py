"""What the scripted model says: first a call of one tool, then a text with what the tool gave.

No model runs. The word that a tool has to find is made for each trial and stands in a file beside
the program. The model hears it from the program alone, and says it in capitals, so a program that
shows it in capitals has had the call, its result and the last answer, all through the gateway.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FILE = "word.txt"
TASK = f"Read the file {FILE} and tell me the word in it."
MOST_CALLS = 4  # a program that never gives a result would go on for ever
_WORD = re.compile(r"pebble-[0-9a-f]{16}")


def new_word() -> str:
    return f"pebble-{secrets.token_hex(8)}"


def spoken(word: str) -> str:
    """As the model says it."""
    return word.upper()


@dataclass(frozen=True)
class ToolCall:
    """A call that the model makes, in no dialect's words."""

    name: str
    arguments: Mapping[str, Any]


@dataclass
class Script:
    """What the model does in one trial.

    `calls`: the tools that would do, best first, with the arguments of each; the first that the
    program offers is called. `answer`: what it says when it has the word, with `{word}` in it.
    """

    calls: tuple[ToolCall, ...] = ()
    answer: str = "The word is {word}."
    made: int = field(default=0, init=False)

    def reply(self, body: str, offered: list[str]) -> ToolCall | str:
        """The answer to a request: a call, or a text."""
        found = _WORD.search(body)
        if found:
            return self.answer.replace("{word}", spoken(found[0]))
        call = next((call for call in self.calls if call.name in offered), None)
        if call is None or TASK not in body:
            return "Hello."  # to what programs ask beside: a title for the conversation, tags
        if self.made == MOST_CALLS:
            return "The tool gave no word."
        self.made += 1
        return call


def offered_tools(body: Mapping[str, Any]) -> list[str]:
    """Names of the tools in a request of any dialect."""
    names: list[str] = []
    for tool in body.get("tools") or ():
        named = tool.get("function") if isinstance(tool.get("function"), dict) else tool
        names.append(str(named.get("name") or tool.get("type")))
    return names
