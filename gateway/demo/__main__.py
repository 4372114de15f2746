"""The child process: `python -m gateway.demo` serves the model that is named on standard input.

The first line of input is an object with `model`, `alias` and `key`; the first line of output is
the address. Everything else is written to standard error, a log. The process ends when its input
does, so with its parent.
"""

import importlib
import json
import os
import sys
import threading
from typing import Any

_SLOTS = 4
_CONTEXT = 4096  # tokens a slot

# The model is not trained to chat: it continues a text. Of the formats that were tried, questions
# and answers work best.
_TEMPLATE = """\
{{ bos_token }}{% for m in messages %}\
{% if m['role'] == 'user' %}Question: {{ m['content'] }}
{% elif m['role'] == 'assistant' %}Answer: {{ m['content'] }}

{% else %}{{ m['content'] }}

{% endif %}{% endfor %}{% if add_generation_prompt %}Answer:{% endif %}"""


def main() -> None:
    answer = os.dup(1)
    os.dup2(2, 1)  # the library prints to standard output: send that to the log
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
    # The threads wait for each other in busy loops. With one per core, any other program on the
    # machine would make a token take thirty times as long.
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
    params.cache_ram_mib = 256  # the prompt cache; the library's default is 8 GB
    params.verbosity = 1  # errors only: prompts do not belong in a log
    return library.Server(params)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


main()
