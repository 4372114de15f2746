"""The commands of docs/website.md and of the websites to copy make the keys that they describe."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.docs_pages import NOT_RUN, ROOT, shell
from tests.support.docs_place import Place
from tests.support.fake_upstream import FakeUpstream
from tests.support.gateway_process import fresh_directory

PAGE = ROOT / "docs" / "website.md"
READMES = [folder / "README.md" for folder in sorted((ROOT / "examples").glob("web-*"))]
BY = {"web-address": "address", "web-supabase": "issuer"}


@pytest.fixture
def place(upstream: FakeUpstream, dsn: str) -> Iterator[Place]:
    with fresh_directory() as path:
        yield Place(path, upstream.url, dsn, "TUNNEL_HOSTNAME=llm.example.com\n")


def keys(place: Place) -> dict[str, dict[str, Any]]:
    """By label."""
    listed = json.loads(place.run(".venv/bin/localllm keys list --json"))["data"]
    return {key["label"]: key for key in listed}


def test_each_way_has_a_key_of_its_own_that_is_locked_to_a_preset_rotated_and_revoked(
    place: Place,
) -> None:
    blocks = [block.text for block in shell(PAGE) if "run" in block.marks]
    *ways, lock, rotate, revoke = blocks
    for make in ways:
        assert re.search(r"\bllm_\w+", place.run(make))
    made = keys(place)
    for key in made.values():
        assert key["scopes"] == ["chat"]
        assert key["allowed_models"] == ["qwen2.5:*"]
        assert key["allowed_origins"] == [f"https://{key['label'].split()[1]}.example"]
        assert (key["monthly_token_limit"], key["rate_limit_per_min"]) == (3_000_000, 60)
    told = {label: key["visitors"] for label, key in made.items()}
    assert told["my blog"] == {
        "by": ["address"], "tokens_per_day": 5000, "requests_per_min": 6, "max_output_tokens": 500,
    }  # fmt: skip
    assert told["my shop"]["by"] == told["my club"]["by"] == ["token"]
    assert told["my app"] == {
        "by": ["issuer"], "issuer": "https://REF.supabase.co/auth/v1", "audience": "authenticated",
        "tokens_per_day": 20_000, "requests_per_min": 6, "anonymous": {"tokens_per_day": 2000},
        "plans": {"pro": {"tokens_per_day": 100_000}},
    }  # fmt: skip

    key_id = made["my blog"]["id"]
    for command in (lock, rotate):
        place.run(command.replace("KEY_ID", key_id))
    blog = keys(place)["my blog"]
    assert blog["allowed_models"] == ["@preset/*"]
    assert blog["visitors"] == told["my blog"]
    place.run(revoke.replace("KEY_ID", blog["id"]))
    assert not keys(place)["my blog"]["is_active"]


def test_what_is_not_run_needs_servers_of_others() -> None:
    for block in shell(PAGE):
        if block.text.startswith(NOT_RUN):
            lines = block.text.removeprefix(NOT_RUN).splitlines()
            assert all(line.startswith("npx supabase@3 ") for line in lines)


@pytest.mark.parametrize("readme", READMES, ids=lambda one: one.parent.name)
def test_the_command_beside_a_website_to_copy_makes_its_key(place: Place, readme: Path) -> None:
    [block] = [one.text for one in shell(readme) if "localllm keys create" in one.text]
    made = json.loads(place.run(f".venv/bin/{block.replace(' --json', '').rstrip()} --json"))
    assert made["visitors"]["by"] == [BY.get(readme.parent.name, "token")]
