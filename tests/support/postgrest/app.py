"""The stand-in's ASGI application: the gateway's check, PostgREST's work, latency and faults."""

import asyncio
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tests.support.postgrest import auth, rpc
from tests.support.postgrest.calls import Call, Refused, Reply, Request, json_reply
from tests.support.postgrest.faults import CUTS, HANGS, RUNS, Connection, Fault, canned
from tests.support.postgrest.keys import bearer_of
from tests.support.postgrest.tokens import claims_of

if TYPE_CHECKING:
    from tests.support.postgrest.stand_in import StandIn


class App:
    """Every request is a `Call` of the stand-in, from its arrival to its end."""

    def __init__(self, stand_in: "StandIn") -> None:
        self._stand_in = stand_in

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = await _read(scope, receive)
        call = self._stand_in.begin(rpc.function_of(request.path) or request.path)
        client = Connection(scope["transport"], receive)
        try:
            await self._serve(request, call, client, send)
        except asyncio.CancelledError:  # the stand-in stops, and has cut the connection
            await client.left()
        except Exception as bug:
            self._stand_in.bugs.append(bug)
            raise
        finally:
            self._stand_in.end(call)

    async def _serve(self, request: Request, call: Call, client: Connection, send: Any) -> None:
        latency = self._stand_in.latency
        refusal, claims = self._admitted(request, call)
        fault = self._stand_in.fault and self._stand_in.fault(call)
        await _wait(latency / 2)
        await self._stand_in.passed(call.function)
        reply = refusal
        if fault not in RUNS | HANGS | CUTS:
            reply = canned(fault)
        elif reply is None and fault in RUNS:
            reply = await self._run(request, call, claims)
        if fault in HANGS:
            await client.left()
            return
        await _wait(latency / 2)
        if fault in CUTS:
            await client.cut()
            return
        if not client.gone:
            self._stand_in.end(call, reply.status)  # before a client can know of it
            await _send(send, request, reply, cut=fault is Fault.CUT_BODY)
        if fault is Fault.CUT_BODY:
            await client.cut_after_sending()

    def _admitted(self, request: Request, call: Call) -> tuple[Reply | None, dict[str, Any]]:
        """Who calls with what, or why not."""
        keys = self._stand_in.keys
        call.has_token = "authorization" in request.headers
        if request.path == auth.PATH:
            return auth.answer(keys, self._stand_in.users, request), {}
        try:
            if not request.path.startswith(f"{rpc.PREFIX}/"):
                return json_reply(404, {"error": "requested path is invalid"}), {}
            bearer = bearer_of(keys, request, is_hosted=self._stand_in.is_hosted)
            claims = claims_of(keys.jwt_secret, keys.jwks, bearer)
            call.role = str(claims.get("role", "anon"))
            rpc.check(request)
            arguments = rpc.arguments_of(request)
            call.arguments = arguments if isinstance(arguments, dict) else {}
        except Refused as refused:
            return refused.reply, {}
        return None, claims

    async def _run(self, request: Request, call: Call, claims: dict[str, Any]) -> Reply:
        try:
            return await rpc.call_function(self._stand_in.database, request, call, claims)
        except Refused as refused:
            return refused.reply


async def _read(scope: Any, receive: Any) -> Request:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Request(
        scope["method"],
        scope["path"],
        parse_qsl(scope["query_string"].decode(), keep_blank_values=True),
        {name.decode(): value.decode("latin-1") for name, value in scope["headers"]},
        bytes(body),
    )


async def _wait(seconds: float) -> None:
    """Never less: a timer of uvloop counts from the beginning of the loop's round."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(left)


async def _send(send: Any, request: Request, reply: Reply, *, cut: bool) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers]
    if request.method != "HEAD" and reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    body = reply.body[: len(reply.body) // 2] if cut else reply.body
    await send({"type": "http.response.body", "body": body, "more_body": cut})
