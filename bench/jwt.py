"""`python -m bench.jwt`: the CPU time of 1,000 visitors' tokens, and of known ones."""

import asyncio
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from gateway.http.jwt.installing import Installing
from gateway.http.jwt.issuer import Issuer
from gateway.http.jwt.key_sets import KeySet
from gateway.http.jwt.public_keys import Keys, read_keys
from gateway.http.jwt.remembered import Remembered
from gateway.http.jwt.visitors import VisitorClaims

MANY = 1000
ROUNDS = 5  # the fastest counts
URL, AUDIENCE = "https://abcdefghijklmnopqrst.supabase.co/auth/v1", "authenticated"
PRIVATE: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def token(algorithm: str, number: int) -> str:
    """As long as one of Supabase Auth."""
    now = int(time.time())
    claims = {
        "iss": URL, "aud": AUDIENCE, "sub": f"6f1e2a34-0b7c-4c1d-9a55-{number:012}",
        "exp": now + 3600, "iat": now, "email": "someone@example.com", "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"], "localllm": "pro"},
        "user_metadata": {"name": "Someone"}, "role": "authenticated", "aal": "aal1",
        "amr": [{"method": "password", "timestamp": now}], "is_anonymous": False,
        "session_id": "9c0a1b2c-3d4e-4f50-8a6b-7c8d9e0f1a2b",
    }  # fmt: skip
    return jwt.encode(claims, PRIVATE[algorithm], algorithm, {"kid": algorithm})


async def fetch() -> Keys:
    tools = jwt.algorithms.get_default_algorithms()
    public = [
        {**tools[name].to_jwk(key.public_key(), as_dict=True), "kid": name}
        for name, key in PRIVATE.items()
    ]
    return read_keys(json.dumps({"keys": public}).encode())


async def spent(issuer: Issuer, tokens: list[str]) -> float:
    """CPU seconds of all."""
    begun = time.process_time()
    for one in tokens:
        found = await issuer.verify(one)
        assert isinstance(found, VisitorClaims), found
    return time.process_time() - begun


async def main() -> None:
    keys = KeySet(URL, fetch)
    await keys.find("ES256")
    for algorithm in PRIVATE:
        tokens = [token(algorithm, number) for number in range(MANY)]
        fresh: list[float] = []
        known: list[float] = []
        for _ in range(ROUNDS):
            issuer = Issuer(URL, AUDIENCE, keys, Remembered(), Installing())
            fresh.append(await spent(issuer, tokens))
            known.append(await spent(issuer, tokens))
        print(
            f"{algorithm}: {MANY} tokens of {len(tokens[0])} bytes verified in {min(fresh):.3f} s "
            f"of CPU, remembered ones in {min(known):.4f} s"
        )


if __name__ == "__main__":
    asyncio.run(main())
