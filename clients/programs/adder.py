"""An MCP server with one tool, over standard input and output, without an SDK."""

import json
import sys

TOOL = {
    "name": "add",
    "description": "Add two numbers.",
    "inputSchema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


def answer(method: str, given: dict) -> dict:
    """Return the result of a request."""
    if method == "initialize":
        return {
            "protocolVersion": given["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "adder", "version": "1"},
        }
    if method == "tools/call":
        numbers = given["arguments"]
        return {"content": [{"type": "text", "text": str(numbers["a"] + numbers["b"])}]}
    return {"tools": [TOOL]} if method == "tools/list" else {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        result = answer(message["method"], message.get("params") or {})
        said = {"jsonrpc": "2.0", "id": message["id"], "result": result}
        print(json.dumps(said), flush=True)
