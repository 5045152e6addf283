"""What the simulator demands of a call of InvokeMCP."""

from typing import Any

import pytest

from app.simulator.checks.mcp import violations
from app.simulator.service.tokens import PROFILE_ARN

CALL = {"id": "1", "jsonrpc": "2.0", "method": "tools/call", "params": {}}
REST = {"content-type": "application/json"}
RPC = {"content-type": "application/x-amz-json-1.0"}
ARN = {"x-amzn-kiro-profile-arn": PROFILE_ARN}


def test_both_forms() -> None:
    assert violations(CALL, REST, "rest") == []
    assert violations(CALL, REST | ARN, "rest") == []
    assert violations(CALL | {"profileArn": PROFILE_ARN}, RPC, "json-rpc") == []


BAD: list[tuple[Any, dict[str, str], str, str]] = [
    (CALL, RPC, "rest", "content-type"),
    (CALL, REST, "json-rpc", "content-type"),
    (CALL, RPC | ARN, "json-rpc", "profile-arn"),
    (CALL, REST | {"x-amzn-kiro-profile-arn": "arn"}, "rest", "profile-arn"),
    (CALL | {"profileArn": "arn"}, RPC, "json-rpc", "profile-arn"),
    (CALL | {"profileArn": PROFILE_ARN}, REST, "rest", "unknown-member"),
    ({**CALL, "jsonrpc": "1.0"}, REST, "rest", "enum"),
    ({**CALL, "id": ""}, REST, "rest", "length"),
    ({"id": "1", "jsonrpc": "2.0"}, REST, "rest", "missing-member"),
    ([], REST, "rest", "json"),
]


@pytest.mark.parametrize(("body", "headers", "binding", "rule"), BAD)
def test_violations(body: Any, headers: dict[str, str], binding: Any, rule: str) -> None:
    assert [found.rule for found in violations(body, headers, binding)] == [rule]
