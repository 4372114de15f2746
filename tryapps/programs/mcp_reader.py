"""An MCP server with one tool, which reads a file: a line of JSON-RPC in, a line out.

Source: the Model Context Protocol, 2025-06-18, transport stdio.
"""

import json
import sys
from pathlib import Path
from typing import Any

TOOL: dict[str, Any] = {
    "name": "read_file",
    "description": "Reads a file",
    "inputSchema": {
        "type": "object",
        "properties": {"path": {"type": "string"}},
        "required": ["path"],
    },
}


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    if method == "initialize":
        about = {"name": "reader", "version": "1"}
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        text = Path(sys.argv[1], params["arguments"]["path"]).read_text("utf-8")
        return {"content": [{"type": "text", "text": text}]}
    return {}


for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:  # all but notifications
        result = answer(asked["method"], asked.get("params") or {})
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
