"""An optional part whose installation fails."""

import logging
from pathlib import Path

import pytest

from gateway.config import extras
from gateway.config.extras import DEMO, JWT
from gateway.core.record import Listeners
from gateway.telemetry import otel
from gateway.telemetry.otel import exporting

pytestmark = pytest.mark.anyio


async def test_an_installation_that_fails_says_what_to_try(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCALLLM_UV", str(tmp_path / "no-such-program"))
    with pytest.raises(extras.ExtraError, match=r"no-such-program cannot be run"):
        await DEMO.install()
    monkeypatch.setenv("LOCALLLM_UV", "false")
    with pytest.raises(extras.ExtraError, match=r"try it yourself: false pip install"):
        await DEMO.install()
    with pytest.raises(extras.ExtraError, match=r"--require-hashes --no-deps -r \S+/jwt.txt$"):
        await JWT._replace(modules=("no_such_module",)).install()


async def test_without_the_packages_the_gateway_goes_on_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    lacking = extras.OTEL._replace(modules=("no_such_module.below",))
    monkeypatch.setattr(otel, "OTEL", lacking)
    monkeypatch.setenv("LOCALLLM_UV", str(tmp_path / "no-such-program"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.chdir(tmp_path)
    listeners = Listeners()
    async with exporting(listeners):
        assert listeners.begin({"request_id": "x", "method": "GET", "path": "/"}) is None
    [line] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "without its packages: " in line.getMessage()
    assert "no-such-program cannot be run" in line.getMessage()
