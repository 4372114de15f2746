"""Whether this machine has certificate authorities where cloudflared looks for them."""

import os
import sys
from pathlib import Path

# https://go.dev/src/crypto/x509/root_linux.go; other systems always have some.
_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs")


def has_authorities() -> bool:
    """A list of them, or a folder with some. A small container has neither."""
    if sys.platform != "linux" or os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"):
        return True
    if any(Path(file).is_file() for file in _FILES):
        return True
    return any(next(Path(folder).glob("*"), None) is not None for folder in _FOLDERS)
