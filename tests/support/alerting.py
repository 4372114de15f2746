"""Gateways that tell of alerts at once, and what their owner receives."""

import asyncio
import base64
import random
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
from standardwebhooks import Webhook

from tests.support.failing_parts import GatewayProcess
from tests.support.gateway_process import PATIENCE, Running
from tests.support.receiver import Post, Receiver

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
_HASTY = Path(__file__).with_name("hasty_gateway.py")
# In the database of a test: what takes minutes takes moments.
HASTE = """
create or replace function gateway.alert_lease() returns interval
language sql immutable parallel safe return '1 second'::interval;
create or replace function gateway.alert_pause(p_attempts integer) returns interval
language sql immutable parallel safe return '0.05 seconds'::interval;
"""


class AlertingGateway(GatewayProcess):
    """With a webhook, and an address for Apprise, at the receiver."""

    def __init__(self, home: Path, upstream: str, dsn: str, place: Receiver) -> None:
        super().__init__(
            home,
            upstream,
            dsn,
            ALERT_WEBHOOK=f"{place.url}/hook",
            ALERT_WEBHOOK_SECRET=SECRET,
            ALERT_URLS=f"json://127.0.0.1:{place.port}/apprise",
        )

    async def start(self, *command: str) -> None:
        words = [sys.executable, str(_HASTY), *(command or ("serve",))]
        self.running = Running(words, self._environ, self._home)
        await asyncio.to_thread(self.running.wait_for, "localllm is running at|Data: ")


class Owner:
    """Whose places take three of four messages, and verify what they get."""

    def __init__(self, place: Receiver, seed: int) -> None:
        self._dice = random.Random(seed)
        self.messages: dict[str, Any] = {}  # of the webhook that were taken, by their id
        self.refused = 0
        self.texts: Counter[str] = Counter()  # by Apprise
        self.wrong: list[str] = []
        self._trap = threading.Event()
        self._caught = threading.Event()
        self._free = threading.Event()
        place.received = self._receive

    def set_trap(self) -> None:
        """The next message is taken, and its sender waits for an answer."""
        self._caught.clear()
        self._free.clear()
        self._trap.set()

    async def caught(self) -> None:
        assert await asyncio.to_thread(self._caught.wait, PATIENCE)

    def let_go(self) -> None:
        self._free.set()

    def _receive(self, post: Post) -> int:
        """The status of the answer."""
        taken = self._dice.random() < 0.75
        if post.path.startswith("/hook"):
            try:
                message = Webhook(SECRET).verify(post.body, post.headers)
            except Exception as problem:
                self.wrong.append(repr(problem))
                return 400
            if taken:
                known = self.messages.setdefault(post.headers["webhook-id"], message)
                if known["data"]["about"] != message["data"]["about"]:
                    self.wrong.append(f"{known} and {message}")
        elif taken:
            self.texts[post.json["message"]] += 1
        self.refused += not taken
        if self._trap.is_set():
            self._trap.clear()
            self._caught.set()
            self._free.wait(PATIENCE)
        return 200 if taken else 500

    def crossings(self) -> Counter[tuple[str, str, int]]:
        """(type, key or server, level) of what came by the webhook, each id once."""
        return Counter(
            (one["type"], _about(one["data"]["about"]), one["data"]["level"])
            for one in list(self.messages.values())
        )


def _about(about: dict[str, Any]) -> str:
    return about["key"]["id"] if "key" in about else about.get("url") or about["machine"]


async def make_hasty(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(HASTE)
    await connection.close()
