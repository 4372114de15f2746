"""The routes to the model, in front of Litestar, so that nothing stands between the pipeline and
the socket: its router, the state of a connection and the search for an exception handler take a
tenth of what a short request takes (`python -m bench.profile`)."""

from typing import Any

from gateway.dialects import all_counters, all_dialects
from gateway.proxy.pipeline import Pipeline


class ModelRoutes:
    """An ASGI application: `dialects`, by path. `others` serves all other paths."""

    def __init__(self, pipeline: Pipeline, others: Any) -> None:
        self._pipeline = pipeline
        self.others = others
        self.dialects = {one.path: one for one in (*all_dialects(), *all_counters())}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope.get("path", "")  # the server's start and end have none
        dialect = self.dialects.get(path) or self.dialects.get(path.rstrip("/"))
        if dialect is None or scope["type"] != "http":
            await self.others(scope, receive, send)
            return
        scope["path"] = dialect.path  # as Litestar does, for who looks at it later
        await self._pipeline.serve(dialect, scope, receive, send)
