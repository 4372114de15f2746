"""What a Modelfile sets holds where the request names none."""

import json
from typing import cast

import pytest

from gateway.backends.client import BackendClient
from gateway.backends.model import Model
from gateway.backends.pool import BackendPool
from gateway.config.settings import Settings
from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Sanitised
from gateway.proxy.candidates import find_candidates
from tests.support.told_models import TAG, Told

pytestmark = pytest.mark.anyio
CHAT = next(one for one in all_dialects() if one.path == "/v1/chat/completions")
PARAMETERS = 'num_predict                    128\nnum_ctx    8192\nstop    "<num_predict 9>"\n'


async def candidates(told: Told, **body: object) -> Sanitised:
    pool = BackendPool(Settings())
    pool.backends[0].models._client = cast(BackendClient, told)  # pyright: ignore[reportPrivateUsage]
    pool.backends[0].client.target = told.target
    messages = [{"role": "user", "content": "Hi"}]
    request = CHAT.sanitise(
        json.dumps({"model": "gemma3:270m", "messages": messages, **body}).encode()
    )
    assert isinstance(request, Sanitised)
    found = await find_candidates(pool, CHAT, request, "refuse")
    assert not isinstance(found, Refusal)
    await pool.close()
    return request


async def test_num_predict_of_the_model_is_the_cap_where_the_caller_names_none():
    told = Told(tags={"models": [TAG]}, show={"parameters": PARAMETERS})
    assert (await candidates(told)).max_output == 128
    assert (await candidates(told, max_tokens=5)).max_output == 5
    assert (await candidates(told, max_tokens=500)).max_output == 500


@pytest.mark.parametrize("parameters", ["", "num_predict -1", "num_predict x", "num_predict -2\n"])
async def test_a_model_without_one_is_capped_by_the_gateway_alone(parameters: str):
    told = Told(tags={"models": [TAG]}, show={"parameters": parameters})
    assert (await candidates(told)).max_output is None


async def test_the_context_of_a_modelfile_is_the_model_s():
    assert Model("m", context_length=32768, num_ctx=8192).context == 8192
    assert Model("m", context_length=4096, num_ctx=8192).context == 4096
    assert Model("m").context is None
