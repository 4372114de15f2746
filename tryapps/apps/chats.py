"""Programs for people who do not write code."""

from pathlib import Path

from tryapps.app import App
from tryapps.install import Nothing, PyPI
from tryapps.script import FILE, ToolCall

_PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
_FUNCTION = 'def read_file(path: str) -> str:\n    "Read a file"\n    return open(path).read()\n'

LLM = App(
    name="llm",
    title="llm",
    package=PyPI(("llm",)),
    command=f"llm -m qwen3 --functions '{_FUNCTION}' \"$TASK\"",
    calls=(ToolCall("read_file", {"path": FILE}),),
)
OPEN_WEBUI = App(
    name="open-webui",
    title="Open WebUI (its API)",
    # Models for its own search and speech: gigabytes, and not imported unless they are used.
    package=PyPI(
        ("open-webui",),
        python=">=3.11,<3.13",
        without=(
            "torch",
            "sentence-transformers",
            "transformers",
            "faster-whisper",
            "playwright",
            "opencv-python-headless",
        ),
    ),
    command='DATA_DIR="$HOME/data" python open_webui.py',
    calls=(ToolCall("read_file", {"path": FILE}),),
    beside=(_PROGRAMS / "open_webui.py",),
    environ={
        "ANONYMIZED_TELEMETRY": "false",
        "OFFLINE_MODE": "true",
        "RAG_EMBEDDING_ENGINE": "openai",
        "SCARF_NO_ANALYTICS": "true",
    },
    seconds=240.0,
)
HOME_ASSISTANT = App(
    name="home-assistant",
    title="Home Assistant (its calls)",
    package=PyPI(("ollama",)),
    command="python home_assistant.py",
    calls=(ToolCall("HassReadFile", {"name": FILE}),),
    beside=(_PROGRAMS / "home_assistant.py",),
)
ZED = App(
    name="zed",
    title="Zed (its requests)",
    package=PyPI(("httpx",)),
    command="python zed.py",
    calls=(ToolCall("read_file", {"path": FILE}),),
    beside=(_PROGRAMS / "zed.py",),
)
HTTP = App(
    name="http",
    title="HTTP requests",
    package=Nothing(),
    command="sh http_steps.sh",
    calls=(ToolCall("read_file", {}),),
    beside=(_PROGRAMS / "http_steps.sh",),
)

APPS = (OPEN_WEBUI, HOME_ASSISTANT, ZED, LLM, HTTP)
