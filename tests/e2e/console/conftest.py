"""The console in a browser, before a gateway whose present state a test makes up."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.console.scene import SECRET, Scene, console_scene

LOGGED_IN = f"sessionStorage.setItem('localllm.secret', {json.dumps(SECRET)})"
WRONG_SCRIPT = "window.alert = (what) => { document.title = `a script ran: ${what}`; };"


@pytest.fixture
async def scene(database: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with console_scene(database, tmp_path) as made:
        yield made


@pytest.fixture
async def owner(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    """What the owner does elsewhere, such as in a terminal."""
    headers = {"x-admin-secret": SECRET.encode()}
    async with httpx.AsyncClient(
        base_url=scene.url, headers=headers, trust_env=False, timeout=60
    ) as made:
        yield made


async def make_key(owner: httpx.AsyncClient, label: str, **fields: object) -> dict[str, str]:
    answer = await owner.post("/admin/api-keys", json={"label": label, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()
