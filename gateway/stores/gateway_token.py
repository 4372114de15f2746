"""A signing key for a Supabase project, and a token that it has signed for the gateway.

The project verifies the token with the key's public half. Whoever has the private half can make
tokens of every role: it is for the owner to hand over to Supabase, and not to keep.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from gateway.config.supabase_project import ROLE

ALGORITHM = "ES256"


def new_signing_key() -> dict[str, Any]:
    """A private key as a JSON Web Key, in the form that Supabase's dashboard imports."""
    key: dict[str, Any] = json.loads(
        jwt.get_algorithm_by_name(ALGORITHM).to_jwk(generate_private_key(SECP256R1()))
    )
    about = {"alg": ALGORITHM, "use": "sig", "key_ops": ["sign", "verify"], "ext": True}
    return {"kid": str(uuid4()), **about, **key}


def claims(url: str, expires: datetime) -> dict[str, Any]:
    """What the token says. Not when it was made: a project that finds this in its future, by a
    clock of ours that is fast, would refuse it."""
    return {"iss": f"{url}/auth/v1", "role": ROLE, "exp": int(expires.timestamp())}


def sign(key: Mapping[str, Any], said: dict[str, Any]) -> str:
    return jwt.encode(
        said, jwt.PyJWK(dict(key)).key, algorithm=ALGORITHM, headers={"kid": key["kid"]}
    )
