"""Failures of a Supabase project, explained in one line that says what to do.

PostgREST's errors are `{code, message, details, hint}`. Proxies in front of it answer differently.
"""

import os
import ssl
from urllib.parse import urlsplit

import aiohttp
import httpx
import msgspec

from gateway.core.decoding import decode
from gateway.stores import (
    PUSH,
    SecretKeyNeeded,
    StoreMisconfigured,
    StoreRefused,
    StoreUnavailable,
)
from gateway.stores.functions import ADMINISTRATION, SERVING

_ABOUT_WHAT_WAS_SENT = ("22", "23", "P0", "PGRST1")  # classes of codes
# The same call may succeed now: a conflict, a deadlock, or an upgrade that replaced a function
# while the call waited.
_PASSING = {"40001", "40P01", "42703", "42883"}


class Rejected(Exception):
    """An answer whose status is not 2xx."""

    def __init__(self, status: int, body: bytes, location: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.location = location  # of a redirect


class NotJson(Exception):
    """An answer that cannot come from PostgREST."""


# What a call can raise. The transport's exceptions have aiohttp's as their cause.
FAILURES = (Rejected, NotJson, httpx.HTTPError, TimeoutError)


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None


def may_pass(problem: BaseException) -> bool:
    """Whether the same call may succeed a moment later."""
    if isinstance(problem, Rejected):
        return problem.status in {502, 503, 504} or _error(problem).code in _PASSING
    return not isinstance(problem, NotJson) and not isinstance(_cause(problem), TimeoutError)


def explain(problem: BaseException, host: str, *, by_token: str | None = None) -> StoreUnavailable:
    """The failure as an exception with a text. StoreMisconfigured: only the owner can fix it.
    `by_token`: the function that was called with a gateway token, and not with the secret key."""
    if isinstance(problem, Rejected):
        about_token = None if by_token is None else _explain_token(problem, host, by_token)
        return about_token or _explain_answer(problem, host)
    if isinstance(problem, NotJson):
        return StoreUnavailable(  # perhaps the login page of this machine's network
            f"{host} answers, but not as a Supabase project does: check SUPABASE_URL."
        )
    match _cause(problem):
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError() as broken:
            text = f"the proxy cannot reach {host} ({_words(broken)}): check HTTPS_PROXY."
        case aiohttp.ClientConnectorDNSError():
            text = (
                f"{host} cannot be found: check SUPABASE_URL and the network. "
                "A project that is paused or deleted cannot be found either."
            )
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLError():
            text = f"the certificate of {host} is not trusted: check the clock and proxies."
        case aiohttp.ClientConnectorError() as refused:
            text = f"{host} refuses the connection ({_words(refused)}): check the network."
        case TimeoutError():
            text = f"{host} did not answer in time: check the network and the project."
        case cause:
            text = f"the connection to {host} was lost ({_words(cause)})."
    return StoreUnavailable(text)


def _explain_token(problem: Rejected, host: str, function: str) -> StoreMisconfigured | None:
    """What is wrong with the gateway token, or with the key beside it, if anything is."""
    error, said = _error(problem), _said(problem)
    match problem.status, error.code:
        case 401, "PGRST303" if "expired" in said:
            return StoreMisconfigured(
                "SUPABASE_GATEWAY_TOKEN has expired: make a new one with `localllm supabase role`."
            )
        case (401, "22023") | (_, "42501") if '"localllm_gateway"' in said:
            return StoreMisconfigured(f"the project lacks the role of the token ({said}): {PUSH}")
        case _, "42501" if function in ADMINISTRATION and function not in SERVING:
            return SecretKeyNeeded(
                "this needs the secret key, and SUPABASE_GATEWAY_TOKEN only serves calls: use the "
                f"function admin at {host}/functions/v1/admin, or set SUPABASE_SERVICE_KEY in "
                "place of the token."
            )
        case _, "42501":
            return StoreMisconfigured(f"the token may not call {function} ({said}): {PUSH}")
        case 401, str():
            return StoreMisconfigured(
                f"{host} does not accept the token ({said}): check SUPABASE_GATEWAY_TOKEN, and its "
                "signing key in the dashboard under Project Settings, JWT Keys."
            )
        case 401, None:
            return StoreMisconfigured(
                f"{host} does not accept the key ({said}): check SUPABASE_PUBLISHABLE_KEY, "
                "in the dashboard under Project Settings, API Keys."
            )
        case _:
            return None


def _explain_answer(problem: Rejected, host: str) -> StoreUnavailable:
    error, said = _error(problem), _said(problem)
    match problem.status, error.code:
        case 540, _:
            return StoreUnavailable(
                f"the project {host} is paused: restore it in Supabase's dashboard."
            )
        case 401, _:
            return StoreMisconfigured(
                f"{host} does not accept the key ({said}): check SUPABASE_SERVICE_KEY, "
                "in the dashboard under Project Settings, API Keys."
            )
        case ((301 | 302 | 303 | 307 | 308), _):
            elsewhere = urlsplit(problem.location).netloc or "another address"
            return StoreMisconfigured(f"{host} redirects to {elsewhere}: check SUPABASE_URL.")
        case _, "42501":
            return StoreMisconfigured(
                f"the key may not call the functions ({said}): SUPABASE_SERVICE_KEY should be "
                f"the secret key; if it is, {PUSH}"
            )
        case _, "PGRST202" | "PGRST106" | "42883" | "42P01" | "3F000":
            return StoreMisconfigured(f"the project's schema is missing or old: {PUSH}")
        case 404, None:
            return StoreMisconfigured(
                f"{host} has no database API ({said}): check SUPABASE_URL, "
                "such as https://abcdefgh.supabase.co"
            )
        case 503, _:
            return StoreUnavailable(
                f"the database of {host} does not answer ({said}): "
                "check the project in Supabase's dashboard."
            )
        case _, "25006" | "53100":
            return StoreUnavailable(
                f"the database of {host} accepts no more data ({said}): it may be full. Keep fewer "
                "months with USAGE_RETENTION_MONTHS, or choose a larger plan."
            )
        case 402 | 429, _:
            return StoreUnavailable(f"Supabase has restricted the project {host} ({said}).")
        case _, "57014":
            return StoreUnavailable(f"the database of {host} did not answer in time ({said}).")
        case _, str() as code if code.startswith(_ABOUT_WHAT_WAS_SENT):
            return StoreRefused(f"{host} rejected what it was sent ({code}: {said}).")
        case _:
            code = f"{problem.status} {error.code}" if error.code else str(problem.status)
            return StoreUnavailable(f"{host} reported an error ({code}: {said}).")


def _error(problem: Rejected) -> _Error:
    return decode(problem.body, _Error) or _Error()


def _said(problem: Rejected) -> str:
    words = " ".join((_error(problem).message or "").split()).rstrip(".")
    return words or f"status {problem.status}"


def _cause(problem: BaseException) -> BaseException:
    """aiohttp's exception, where there is one: it says more than httpx's."""
    return (isinstance(problem, httpx.HTTPError) and problem.__cause__) or problem


def _words(problem: BaseException) -> str:
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno).lower()  # the text of the exception repeats the address
    return (str(problem).splitlines() or [""])[0].rstrip(".") or type(problem).__name__
