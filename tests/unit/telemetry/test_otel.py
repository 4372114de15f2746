"""Which variables switch OpenTelemetry on, and what is said without its packages."""

import os
from pathlib import Path

import pytest

from gateway.config.dotenv_file import SettingsError
from gateway.core.record import Listeners
from gateway.dialects import all_dialects
from gateway.telemetry.operations import operations
from gateway.telemetry.otel import exporting, wanted

BOTH = {"TRACES", "METRICS"}
NAMED = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environ", "signals"),
    [
        ({}, set()),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_EXPORTER": "otlp"}, set()),
        (NAMED, BOTH),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, set()),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x/v1/traces"}, {"TRACES"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x/v1/metrics"}, {"METRICS"}),
        ({**NAMED, "OTEL_METRICS_EXPORTER": "none"}, {"TRACES"}),
        ({**NAMED, "OTEL_TRACES_EXPORTER": "none"}, {"METRICS"}),
        ({**NAMED, "OTEL_SDK_DISABLED": "TRUE"}, set()),
        ({**NAMED, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, BOTH),
    ],
)
def test_what_is_sent_is_what_the_standard_variables_name(
    environ: dict[str, str], signals: set[str]
):
    assert wanted(environ) == signals


@pytest.mark.parametrize(
    "name", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"]
)
def test_a_protocol_that_is_not_spoken_is_an_error_that_says_which_is(name: str):
    with pytest.raises(SettingsError, match=r"'grpc'.* use http/protobuf"):
        wanted({**NAMED, name: "grpc"})


def test_every_route_to_the_model_has_a_name_of_the_conventions():
    assert operations().keys() == {one.path for one in all_dialects()}
    assert set(operations().values()) == {"chat", "text_completion", "embeddings"}


@pytest.mark.anyio
async def test_a_dotenv_file_names_the_collector_too_but_the_environment_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / ".env").write_text(
        "OTEL_SDK_DISABLED=true\nOTEL_SERVICE_NAME=den\nOTEL_EXPORTER_OTLP_ENDPOINT=http://x\nA=b\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"OTEL_SERVICE_NAME": "mine"})
    async with exporting(Listeners()):
        assert os.environ == {
            "OTEL_SERVICE_NAME": "mine",
            "OTEL_SDK_DISABLED": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x",
        }
