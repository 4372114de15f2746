"""An optional part whose installation fails."""

from pathlib import Path

import pytest

from gateway.config import extras
from gateway.config.extras import DEMO, JWT

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
