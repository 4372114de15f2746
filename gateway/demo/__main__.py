"""The child: `python -m gateway.demo` serves the model that its standard input names.

First line in: an object with `model`, `alias` and `key`. First line out: the address. Everything
else that it writes goes to its standard error, a log. It ends when its input does: with its parent.
"""

import importlib
import json
import os
import sys
import threading
from typing import Any

_SLOTS = 4
_CONTEXT = 4096  # tokens a slot

# The model has not been trained to chat: it goes on with a text. Of the texts that were tried,
# questions and answers keep it to the point best.
_TEMPLATE = """\
{{ bos_token }}{% for m in messages %}\
{% if m['role'] == 'user' %}Question: {{ m['content'] }}
{% elif m['role'] == 'assistant' %}Answer: {{ m['content'] }}

{% else %}{{ m['content'] }}

{% endif %}{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"""


def main() -> None:
    answer = os.dup(1)
    os.dup2(2, 1)  # what the library prints is for the log
    order = json.loads(sys.stdin.buffer.readline() or b"null")
    if order is None:
        return
    threading.Thread(target=_end_with_parent, daemon=True).start()
    server = _serve(order["model"], order["alias"], order["key"])
    os.write(answer, f"{server.listening_address}\n".encode())
    os.close(answer)
    threading.Event().wait()


def _serve(model: str, alias: str, key: str) -> Any:
    library: Any = importlib.import_module("xllamacpp")
    params = library.CommonParams()
    params.model.path = model
    params.model_alias = {alias}
    params.n_parallel = _SLOTS
    params.n_ctx = _SLOTS * _CONTEXT
    # Threads that wait for each other do so at full speed: were there one for each core, any other
    # program beside them would make a token take thirty times as long.
    for threads in (params.cpuparams, params.cpuparams_batch):
        threads.n_threads = min(4, max(1, (os.cpu_count() or 1) // 2))
    params.chat_template = _TEMPLATE
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.cors_origins = ""
    params.cors_origins_explicit = True
    params.endpoint_slots = False
    params.endpoint_props = False
    params.endpoint_metrics = False
    params.ui = False
    params.cache_ram_mib = 256  # of prompts already read; the library would take 8 GB
    params.verbosity = 1  # errors only: prompts are nobody's business
    return library.Server(params)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


main()
