"""The steps before the first request: a name, a connection, a certificate."""

import asyncio
import socket
import ssl
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.checks.finding import Finding
from gateway.checks.public_address import connection
from gateway.checks.public_address.client import PublicClient
from tests.support.stream_server import serving

pytestmark = pytest.mark.anyio


def certificate(folder: Path, name: str = "localhost", days: float = 90) -> Path:
    """Its own authority; with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}-{days}.pem"
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(plain + made.public_bytes(Encoding.PEM))
    return path


def server(path: Path | None) -> AbstractAsyncContextManager[int]:
    """Its port; with TLS where there is a certificate."""
    tls = None
    if path is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(path)

    async def take(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    return serving(take, tls)


async def look(url: str) -> Finding:
    async with PublicClient(url) as client:
        return await client.connect()


async def test_a_trusted_certificate_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    async with server(path) as port:
        found = await look(f"https://localhost:{port}")
    assert (found.check, found.state) == ("https", "ok")
    assert "89 more days" in found.text


async def test_one_that_ends_soon_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = certificate(tmp_path, days=3.5)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    async with server(path) as port:
        found = await look(f"https://localhost:{port}")
    assert found.state == "warn"
    assert "ends in 3 days" in found.text


@pytest.mark.parametrize(
    ("name", "days", "trusted", "why"),
    [
        ("localhost", 90, False, "self"),
        ("other.example.com", 90, True, "ostname mismatch"),
        ("localhost", -1, True, "expired"),
    ],
)
async def test_one_that_cannot_be_trusted_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    days: float,
    trusted: bool,
    why: str,
):
    path = certificate(tmp_path, name, days)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
    async with server(path) as port:
        found = await look(f"https://localhost:{port}")
    assert found.state == "fail"
    assert why in found.text
    assert "choose a shorter one" in found.text


async def test_no_tls_at_all_is_named():
    async with server(None) as port:
        found = await look(f"https://localhost:{port}")
    assert found.state == "fail"


async def test_nobody_there_is_named():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        found = await look(f"https://localhost:{port}")
    assert found.state == "fail"
    assert f"firewall let port {port} out" in found.text


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("llm.example.com", socket.EAI_NONAME, "is not in DNS"),
        ("llm.example.com", socket.EAI_AGAIN, "is this machine online"),
        ("calm-river.trycloudflare.com", socket.EAI_NONAME, "takes up to a minute"),
    ],
)
async def test_a_name_that_cannot_be_looked_up_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, number: int, said: str
):
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "stand-in")

    monkeypatch.setattr(connection.socket, "getaddrinfo", fail)
    found = await look(f"https://{name}")
    assert found.state == "fail"
    assert said in found.text


async def test_a_look_up_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch):
    import threading

    never = threading.Event()
    monkeypatch.setattr(connection, "PATIENCE", 0.01)
    monkeypatch.setattr(connection.socket, "getaddrinfo", lambda *_, **__: never.wait())
    found = await look("https://llm.example.com")
    assert "takes too long" in found.text
    never.set()
