"""A gateway in front of several model servers, and what became of a request there."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager

from tests.support.books import Books, Row
from tests.support.callers import served
from tests.support.failing_parts import GatewayProcess, eventually
from tests.support.fake_upstream import Exchange, FakeUpstream, fake_upstream
from tests.support.watching_client import Seen, ask

Behave = Callable[[Exchange], Awaitable[None]]


class Machines:
    """Two model servers behind one gateway, and a key."""

    def __init__(self, first: FakeUpstream, second: FakeUpstream, books: Books) -> None:
        self.first, self.second = first, second
        self.both = (first, second)
        self.books = books
        self.gateway: GatewayProcess
        self._numbers = itertools.count()

    @property
    def chats(self) -> tuple[int, int]:
        """How many requests each was sent."""
        return len(self.first.chats), len(self.second.chats)

    def reset(self) -> None:
        for one in self.both:
            one.reset()

    async def ask(self, text: str = "", **options: object) -> tuple[Seen, Row]:
        """What a client saw of one answer, and its line in the log. Without a text it is another
        conversation each time: the first machine gets it."""
        before = len(await self.books.rows())
        text = text or f"Hi {next(self._numbers)}"
        seen = await ask(self.gateway.url, self.books.key, text, **options)
        rows = await self.books.settled(before + 1)
        assert seen.request_id is not None
        return seen, rows[seen.request_id]

    async def mended(self) -> None:
        """Return when the gateway has looked at both since now, and has heard that both answer."""
        self.reset()

        async def looked() -> bool:
            health = await self.gateway.health()  # looks, unless it has within the last second
            return health["ollama"]["state"] == "ok" and all(
                any(one.target == "/v1/models" for one in server.received) for server in self.both
            )

        await eventually(looked)
        self.reset()


async def counted_differently(exchange: Exchange) -> None:
    """A good answer whose counts no other one has."""
    if not exchange.json.get("stream"):
        await exchange.whole(exchange.completion(prompt=21, completion=6))
        return
    await exchange.head()
    await exchange.words()
    await exchange.usage(21, 6)


@contextmanager
def two_machines(
    dsn: str, first: FakeUpstream, second: FakeUpstream, **settings: object
) -> Generator[Machines]:
    books = Books(dsn)
    asyncio.run(books.make_key())
    scene = Machines(first, second, books)
    with served(f"{first.url}, {second.url}/", dsn, **settings) as gateway:
        scene.gateway = gateway
        asyncio.run(scene.mended())  # however slow its start: both answer, as tests assume
        yield scene


@contextmanager
def two_servers() -> Generator[tuple[FakeUpstream, FakeUpstream]]:
    with ExitStack() as stack:
        yield stack.enter_context(fake_upstream()), stack.enter_context(fake_upstream())
