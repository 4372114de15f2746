"""A machine without certificate authorities is told apart from a network that replaces them."""

from pathlib import Path

import pytest

from tests.unit.tunnel.test_log_reader import Reports
from tunnel import authorities, log_reader
from tunnel.problems import NO_AUTHORITIES

REPLACED = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


@pytest.mark.skipif(authorities.sys.platform != "linux", reason="other systems always have some")
def test_a_list_or_a_folder_with_some_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, folder = tmp_path / "ca.crt", tmp_path / "certs"
    monkeypatch.setattr(authorities, "_FILES", (str(file),))
    monkeypatch.setattr(authorities, "_FOLDERS", (str(folder), str(tmp_path / "none")))
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    folder.mkdir()
    assert not authorities.has_authorities()
    (folder / "one.pem").touch()
    assert authorities.has_authorities()
    (folder / "one.pem").unlink()
    file.touch()
    assert authorities.has_authorities()
    file.unlink()
    monkeypatch.setenv("SSL_CERT_FILE", "/a/list")
    assert authorities.has_authorities()


@pytest.mark.parametrize("there", [True, False])
def test_without_authorities_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(log_reader, "has_authorities", lambda: there)
    reports = Reports()
    reports.take("Unable to establish connection with Cloudflare edge", "error", error=REPLACED)
    [text] = reports.texts()
    assert (text == NO_AUTHORITIES.remedy) is not there
