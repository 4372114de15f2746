"""Coding agents for the terminal."""

import sys
from pathlib import Path

from tryapps.app import App
from tryapps.install import Npm, PyPI
from tryapps.model import ALIAS
from tryapps.script import FILE, ToolCall

_CAT = f"cat {FILE}"
_BASH = ToolCall("Bash", {"command": _CAT, "description": "Read the file"})
_EDIT = "answer.txt\n```\n{word}\n```\n"  # how aider's models change a file

_CODEX = "codex exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox"
_JAVASCRIPT = f"text((await tools.exec_command({{cmd: '{_CAT}'}})).output)"
_MCP_READER = Path(__file__).resolve().parent.parent / "programs" / "mcp_reader.py"
_READER = (
    f"""-c 'mcp_servers.reader.command="{sys.executable}"' """
    f"""-c "mcp_servers.reader.args=['$PWD/{_MCP_READER.name}', '$PWD']" """
)

CODEX = App(
    name="codex",
    title="Codex",
    package=Npm(("@openai/codex",)),
    command=f'{_CODEX} "$TASK"',
    calls=(
        ToolCall("exec_command", {"cmd": _CAT}),
        ToolCall("shell_command", {"command": _CAT}),
        ToolCall("shell", {"command": ["cat", FILE]}),
    ),
)
CODEX_MCP = App(
    name="codex-mcp",
    title="Codex, a tool of an MCP server",
    package=CODEX.package,
    command=f'{_CODEX} {_READER} "$TASK"',
    calls=(ToolCall("mcp__reader.read_file", {"path": FILE}),),
    beside=(_MCP_READER,),
    installed_as="codex",
)
CODEX_ALIAS = App(
    name="codex-alias",
    title="Codex, with an alias that it knows",
    package=CODEX.package,
    command=f'{_CODEX} -m {ALIAS} "$TASK"',
    calls=(ToolCall("functions.exec", {"input": _JAVASCRIPT}),),
    installed_as="codex",
)
CLAUDE_CODE = App(
    name="claude-code",
    title="Claude Code",
    package=Npm(("@anthropic-ai/claude-code",)),
    command='claude -p "$TASK" --allowedTools Bash',
    calls=(_BASH,),
    environ={"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"},
)
OPENCODE = App(
    name="opencode",
    title="opencode",
    package=Npm(("opencode-ai",)),
    command='opencode run "$TASK"',
    calls=(ToolCall("bash", {"command": _CAT, "description": "Read the file"}),),
    environ={"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
)
CLINE = App(
    name="cline",
    title="Cline (its command)",
    package=Npm(("cline",)),
    command='cline --json "$TASK"',
    calls=(ToolCall("run_commands", {"commands": [_CAT]}),),
    environ={"CLINE_TELEMETRY_DISABLED": "1"},
)
CONTINUE = App(
    name="continue",
    title="Continue (its command)",
    package=Npm(("@continuedev/cli",)),
    command='cn -p "$TASK" --config "$HOME/.continue/config.yaml" --auto',
    calls=(ToolCall("Bash", {"command": _CAT}),),
    environ={"CONTINUE_TELEMETRY_ENABLED": "0"},
)
QWEN_CODE = App(
    name="qwen-code",
    title="Qwen Code",
    package=Npm(("@qwen-code/qwen-code",)),
    command='qwen --yolo "$TASK"',
    calls=(ToolCall("run_shell_command", {"command": _CAT, "is_background": False}),),
)
_AIDER_ENVIRON = {"AIDER_ANALYTICS": "false", "AIDER_CHECK_UPDATE": "false"}
_AIDER_COMMAND = f'aider --yes-always --no-git --read {FILE} --message "$TASK" answer.txt'
AIDER = App(
    name="aider",
    title="aider",
    package=PyPI(("aider-chat",), python=">=3.11,<3.13"),
    command=_AIDER_COMMAND,
    answer=_EDIT,
    found_in="answer.txt",
    environ=_AIDER_ENVIRON,
)

APPS = (CLAUDE_CODE, CODEX, CODEX_MCP, CODEX_ALIAS, OPENCODE, CLINE, CONTINUE, QWEN_CODE, AIDER)
