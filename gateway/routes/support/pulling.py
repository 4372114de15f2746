"""A pull as its callers see it, whoever may begin one: join it, and follow how it goes on."""

from gateway.core import model_names
from gateway.core.errors import Refusal
from gateway.http.exchange import Exchange
from gateway.pulls.messages import Wanted
from gateway.pulls.pulls import Pull
from gateway.pulls.telling import Teller
from gateway.services import Services


async def join_pull(services: Services, wanted: Wanted, who: str) -> Pull | Refusal:
    """The pull of that model, begun now or before, if there is an Ollama that may do it. `who`
    stands in the log."""
    backend = None if services.pool.demo else services.pool.for_pull()
    if backend is None:
        return services.pool.no_ollama()
    cloud = model_names.is_cloud(wanted.sent)
    where = (backend,)  # what another one has, or does not tell, is no reason against it
    candidates = await services.pool.candidates(wanted.name, cloud=cloud, native=True, among=where)
    if isinstance(candidates, Refusal):
        return candidates
    return services.pulls.join(backend, wanted.name, wanted.sent, who)


async def tell_pull(
    services: Services, exchange: Exchange, pull: Pull, wanted: Wanted, teller: Teller
) -> Refusal | None:
    """Show the client how the pull goes on. When the client leaves, the pull does not end."""
    if wanted.stream:
        exchange.dialect = teller.family
    exchange.watch()
    services.watching[exchange] = "pulling"  # for heartbeats
    try:
        seen = 0
        while not pull.ended:
            seen = await pull.news(seen)
            if wanted.stream and not pull.ended:
                news = teller.news(pull.progress)
                if news:  # what was told can be ahead of its edition
                    await exchange.write(news)
        if pull.failure is not None:
            return _named(pull.failure, wanted)
        if wanted.stream:
            await exchange.open()
            await exchange.end(teller.end(pull.progress))
        else:
            await exchange.whole(200, teller.whole(pull.progress))
        return None
    finally:
        del services.watching[exchange]


def _named(failure: Refusal, wanted: Wanted) -> Refusal:
    """What Ollama's registry does not have is told as on every other route, and in its words."""
    if failure.reason != "upstream_not_found":
        return failure
    return Refusal(failure.reason, f"model '{wanted.shown}' not found: {failure.detail}")
