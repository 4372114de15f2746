"""Packages for people who write programs. The program of most stands in docs/apps.md."""

from pathlib import Path

from tryapps.app import App
from tryapps.install import Nothing, Npm, PyPI
from tryapps.script import FILE, ToolCall

_PROGRAMS = Path(__file__).resolve().parent.parent / "programs"
_READ = (ToolCall("read_file", {"path": FILE}),)

AI_SDK = App(
    name="ai-sdk",
    title="AI SDK",
    package=Npm(("ai", "@ai-sdk/openai-compatible", "zod")),
    # Packages are found beside a program, not through PATH.
    command='ln -s "$INSTALLED/node_modules" . && node agent.mjs "$TASK"',
    calls=_READ,
)
LANGCHAIN = App(
    name="langchain",
    title="LangChain",
    package=PyPI(("langchain", "langchain-openai")),
    command='python agent.py "$TASK"',
    calls=_READ,
)
LANGCHAIN_OLLAMA = App(
    name="langchain-ollama",
    title="LangChain with Ollama's API",
    package=PyPI(("langchain-ollama", "langchain")),
    command='python agent.py "$TASK"',
    calls=_READ,
)
PYDANTIC_AI = App(
    name="pydantic-ai",
    title="Pydantic AI",
    package=PyPI(("pydantic-ai-slim", "openai", "tiktoken")),
    command='python agent.py "$TASK"',
    calls=_READ,
)
OPENAI_AGENTS = App(
    name="openai-agents",
    title="OpenAI's Agents SDK",
    package=PyPI(("openai-agents",)),
    command='python agent.py "$TASK"',
    calls=_READ,
)
OPENAI = App(
    name="openai",
    title="OpenAI's package",
    package=PyPI(("openai",)),
    command="python openai_tools.py",
    calls=_READ,
    beside=(_PROGRAMS / "openai_tools.py",),
)
ANTHROPIC = App(
    name="anthropic",
    title="Anthropic's package",
    package=PyPI(("anthropic",)),
    command="python anthropic_tools.py",
    calls=_READ,
    beside=(_PROGRAMS / "anthropic_tools.py",),
)
OLLAMA = App(
    name="ollama",
    title="Ollama's package",
    package=PyPI(("ollama",)),
    command="python ollama_tools.py",
    calls=_READ,
    beside=(_PROGRAMS / "ollama_tools.py",),
)
FETCH = App(
    name="fetch",
    title="fetch, streamed",
    package=Nothing(),
    command=f'node stream.mjs "$TASK $(cat {FILE})"',
)

APPS = (
    *(OPENAI, ANTHROPIC, OLLAMA, AI_SDK, LANGCHAIN, LANGCHAIN_OLLAMA),
    *(PYDANTIC_AI, OPENAI_AGENTS, FETCH),
)
