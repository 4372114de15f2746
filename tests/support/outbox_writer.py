"""A process with an outbox, told line by line what to do; it says what it has done.

`reserve`, `commit N`, `take` (let the store take all), `close`. Started by test_outbox.py, which
kills it.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from gateway.proxy.outbox import Outbox
from gateway.stores import Settlement


def say(**said: object) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def main(folder: str) -> None:
    taken: list[Settlement] = []

    async def settle(batch: Sequence[Settlement]) -> None:
        taken.extend(batch)

    outbox = Outbox(Path(folder), settle)
    say(waiting=outbox.backlog()[0])
    entries = []
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "reserve":
            entries.append(outbox.reserve(Settlement(UUID(arguments[0]), status="gateway_died")))
            say(reserved=arguments[0])
        elif command == "commit":
            entry = entries.pop(0)
            entry.settlement.completion_tokens = int(arguments[0])
            entry.settlement.status = "ok"
            entry.commit()
            say(committed=str(entry.settlement.request_id))
        elif command == "take":
            sender = asyncio.create_task(outbox.run())
            await outbox.drained(60)
            sender.cancel()
            say(taken=[str(one.request_id) for one in taken])
    outbox.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
