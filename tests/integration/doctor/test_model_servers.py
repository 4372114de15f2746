"""Doctor names the models of a server that is no Ollama, and advises nothing that Ollama alone
can do."""

from pathlib import Path

import pytest

from gateway.checks.finding import Finding
from gateway.checks.models import model_servers
from gateway.config.settings import Settings
from tests.support.fake_upstream import fake_upstream

pytestmark = pytest.mark.anyio
IDS = ["Qwen/Qwen3-8B", "Gemma-3-270M-IT", "c", "d"]


async def finding(directory: Path, ids: list[str], default: str) -> Finding:
    with fake_upstream() as upstream:
        upstream.foreign = [{"id": one, "object": "model"} for one in ids] or [{"odd": True}]
        loaded = Settings(
            data_dir=directory, ollama_base_url=(upstream.url,), ollama_default_model=default
        )
        first = (await model_servers(loaded))[0]
    assert "ollama pull" not in first.text
    return first


async def test_its_models_are_named_and_the_setting_that_chooses_one(tmp_path: Path):
    found = await finding(tmp_path, IDS, "qwen2.5:7b")
    assert found.state == "warn"
    assert "Qwen/Qwen3-8B, Gemma-3-270M-IT, c and 1 more" in found.text
    assert "OLLAMA_DEFAULT_MODEL=Qwen/Qwen3-8B" in found.text


async def test_with_its_model_as_the_default_all_is_well(tmp_path: Path):
    assert (await finding(tmp_path, IDS, "Gemma-3-270M-IT")).state == "ok"


async def test_one_that_lists_nothing_is_told(tmp_path: Path):
    assert "lists no model" in (await finding(tmp_path, [], "any")).text
