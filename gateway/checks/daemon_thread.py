"""Ask the system something that may take its time, without being held up at the end."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def in_daemon_thread(question: Callable[[], Result]) -> Result:
    """Its result. Given up by a timeout it may go on; nobody waits for it, the program's end
    neither: that would wait for a thread of `asyncio.to_thread`."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Result] = loop.create_future()

    def told(result: Result | None, problem: Exception | None) -> None:
        if answer.done():
            return
        if problem is not None:
            answer.set_exception(problem)
        else:
            answer.set_result(result)  # type: ignore[arg-type]

    def ask() -> None:
        result, problem = None, None
        try:
            result = question()
        except Exception as raised:
            problem = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(told, result, problem)

    threading.Thread(target=ask, daemon=True).start()
    return await answer
