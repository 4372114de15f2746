"""A page of the examples in a window, and a person before it."""

import json
import time
from typing import Any

from tests.support.browser import Browser
from tests.support.gateway_process import PATIENCE

_SHOWN = "({ answer: answer.textContent, problem: problem.textContent, busy: ask.disabled })"


class ChatPage:
    def __init__(self, chromium: Browser, session: str) -> None:
        self._chromium = chromium
        self.session = session

    async def run(self, expression: str) -> Any:
        return await self._chromium.run(self.session, expression)

    async def fill(self, form: str = "form", **fields: str) -> None:
        for name, value in fields.items():
            await self.run(f"{form}.elements.{name}.value = {json.dumps(value)}")

    async def ask(self, **fields: str) -> None:
        """Fill in the form and press the button."""
        await self.fill(**fields)
        await self.run("ask.click()")

    async def shows(self, answer: str, problem: str = "", busy: bool = False) -> str:
        """Returns as soon as the page does; `problem` is a part of what it says of one, which is
        given back."""
        deadline = time.monotonic() + PATIENCE
        while True:
            shown = await self.run(_SHOWN)
            told = shown["problem"]
            if (shown["answer"], shown["busy"]) == (answer, busy) and bool(told) == bool(problem):
                assert problem in told
                return told
            assert time.monotonic() < deadline, shown

    async def until(self, expression: str) -> None:
        """Returns as soon as it is true in the page."""
        deadline = time.monotonic() + PATIENCE
        while not await self.run(expression):
            assert time.monotonic() < deadline, expression
