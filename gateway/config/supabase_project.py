"""The settings of a Supabase project: its address, and what the gateway shows it.

That is the secret key, which may do everything; or the publishable key, which every visitor may
know, and a token of the role localllm_gateway (sql/grants.sql), which may only serve calls.
"""

import json
import re
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlsplit

from gateway.config.dotenv_file import SettingsError
from gateway.config.values import http_url, is_near

ROLE = "localllm_gateway"


def supabase_url(text: str) -> str:
    """The address of a project. The key is sent there, so only a local one may do without TLS."""
    text = text.strip()
    dashboard = re.search(r"supabase\.com/dashboard/project/([a-z]{20})", text)
    if dashboard:
        raise ValueError(
            f"is the dashboard; the project's URL is https://{dashboard[1]}.supabase.co"
        )
    near = is_near(urlsplit(f"//{text}").hostname or "")
    scheme = "http" if near else "https"
    try:
        url = http_url(text if "://" in text else f"{scheme}://{text}")
    except ValueError:
        raise ValueError("should be an address such as https://abcdefgh.supabase.co") from None
    parts = urlsplit(url)
    if parts.path:
        raise ValueError(f"should have no path: {parts.scheme}://{parts.netloc}")
    if parts.scheme == "http" and not is_near(parts.hostname or ""):
        raise ValueError("should begin with https://")
    return url


def secret_key(text: str) -> str:
    """`sb_secret_…` or a service_role JWT. Public keys are refused by name."""
    text = text.strip()
    role = jwt_claims(text).get("role")
    if text.startswith("sb_publishable_") or role in {"anon", "authenticated"}:
        raise ValueError("is the public key; the secret one is needed (sb_secret_…)")
    if role == ROLE:
        raise ValueError("is a token for SUPABASE_GATEWAY_TOKEN")
    if not (re.fullmatch(r"sb_secret_[\x21-\x7e]+", text) or role):
        raise ValueError("should be the secret key (sb_secret_…) or the service_role key")
    return text


def publishable_key(text: str) -> str:
    """`sb_publishable_…` or an anon JWT. Secret keys are refused by name."""
    text = text.strip()
    role = jwt_claims(text).get("role")
    if text.startswith("sb_secret_") or role == "service_role":
        raise ValueError("is a secret key; the publishable one is needed (sb_publishable_…)")
    if not (re.fullmatch(r"sb_publishable_[\x21-\x7e]+", text) or role == "anon"):
        raise ValueError("should be the publishable key (sb_publishable_…) or the anon key")
    return text


def gateway_token(text: str) -> str:
    """A JWT of the role. Whether it has expired is the project's to say: our clock may be wrong."""
    text = text.strip()
    claims = jwt_claims(text)
    if not claims:
        raise ValueError("should be the token that `localllm supabase role` makes")
    if claims.get("role") != ROLE:
        raise ValueError(f"is not of the role {ROLE}; `localllm supabase role` makes one that is")
    return text


def check(url: str, secret: str, publishable: str, token: str) -> None:
    """Raise SettingsError unless these belong together."""
    if secret and token:
        raise SettingsError(
            "SUPABASE_SERVICE_KEY and SUPABASE_GATEWAY_TOKEN are both set: remove the first, which "
            "may do everything."
        )
    if (publishable or token) and not (url and publishable and token):
        raise SettingsError(
            "SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY and SUPABASE_GATEWAY_TOKEN belong together: "
            "set all three."
        )
    if not token and bool(url) != bool(secret):
        raise SettingsError("SUPABASE_URL and SUPABASE_SERVICE_KEY belong together: set both.")
    host = urlsplit(url).hostname or ""
    for name, text in (
        ("SUPABASE_SERVICE_KEY", secret),
        ("SUPABASE_PUBLISHABLE_KEY", publishable),
        ("SUPABASE_GATEWAY_TOKEN", token),
    ):
        project = _project(jwt_claims(text))
        if project and host.endswith(".supabase.co") and host != f"{project}.supabase.co":
            raise SettingsError(f"{name} belongs to the project {project}, SUPABASE_URL is {host}.")


def end_of(token: str) -> datetime | None:
    """When it expires, if it does."""
    end = jwt_claims(token).get("exp")
    try:
        return datetime.fromtimestamp(end, UTC) if isinstance(end, int | float) else None
    except (ValueError, OverflowError, OSError):  # no such year
        return None


def jwt_claims(text: str) -> dict[str, Any]:
    """The claims of a JSON Web Token, or {} if it is none. They are not verified: only the server
    can check the signature."""
    parts = text.split(".")
    if len(parts) != 3 or not re.fullmatch(r"[\w.-]+", text, re.ASCII):
        return {}
    try:
        claims = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return cast(dict[str, Any], claims) if isinstance(claims, dict) else {}


def _project(claims: dict[str, Any]) -> str:
    """The ref of the project that a token says it is for, if it does."""
    if isinstance(ref := claims.get("ref"), str):
        return ref
    try:
        host = urlsplit(str(claims.get("iss", ""))).hostname or ""
    except ValueError:
        return ""
    return host.removesuffix(".supabase.co") if host.endswith(".supabase.co") else ""
