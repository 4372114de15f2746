"""Tokens as Supabase makes them, signed by nobody."""

import json
from base64 import urlsafe_b64encode


def jwt(**claims: str) -> str:
    middle = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{middle}.c2lnbmF0dXJl"


ANON = jwt(role="anon", ref="abc")
SERVICE = jwt(role="service_role", ref="abc")
TOKEN = jwt(role="localllm_gateway", iss="https://abc.supabase.co/auth/v1")
