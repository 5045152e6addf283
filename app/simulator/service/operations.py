"""Responses of the control plane and of web search, in the shapes of the service model."""

import json
import time
from typing import Any
from urllib.parse import quote_plus

from app.simulator.checks.body import as_dict

from .tokens import PROFILE_ARN

QUERY_MAX = 200

_MONTH = 30 * 24 * 3600
_WEB_SEARCH = {
    "name": "web_search",
    "description": "Searches the web.",
    "inputSchema": {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
    },
}


def get_usage_limits(spent: float, changed: dict[str, Any]) -> dict[str, Any]:
    """Return a plan of 1000 credits, of which `spent` are used.

    The members of `changed` replace those of the answer; `credits` in it is an object whose members
    replace those of the only usageBreakdownList entry.
    """
    reset = int(time.time()) // _MONTH * _MONTH + _MONTH
    credits = {
        "resourceType": "CREDIT",
        "displayName": "Credit",
        "displayNamePlural": "Credits",
        "unit": "INVOCATIONS",
        "currentUsage": int(spent),
        "currentUsageWithPrecision": spent,
        "usageLimit": 1000,
        "usageLimitWithPrecision": 1000.0,
        "currentOverages": 0,
        "currentOveragesWithPrecision": 0.0,
        "overageCap": 0,
        "overageCapWithPrecision": 0.0,
        "overageRate": 0.04,
        "overageCharges": 0.0,
        "currency": "USD",
        "nextDateReset": reset,
        "freeTrialInfo": {
            "freeTrialStatus": "EXPIRED",
            "freeTrialExpiry": (reset - 2 * _MONTH) * 1000,
            "currentUsage": 500,
            "currentUsageWithPrecision": 500.0,
            "usageLimit": 500,
            "usageLimitWithPrecision": 500.0,
        },
        "bonuses": [],
        "overageCredits": [],
        "addOnMetadata": {"addOns": [], "addOnTotalLimit": 0, "addOnTotalUsage": 0},
        "dimensionType": "NON_POOLED",
    } | as_dict(changed.get("credits"))
    return {
        "limits": [],
        "nextDateReset": reset,
        "daysUntilReset": 0,
        "usageBreakdownList": [credits],
        "subscriptionInfo": {
            "type": "Q_DEVELOPER_STANDALONE_PRO",
            "subscriptionTitle": "SIMULATED PRO",
            "upgradeCapability": "UPGRADE_CAPABLE",
            "overageCapability": "OVERAGE_CAPABLE",
            "subscriptionManagementTarget": "MANAGE",
        },
        "overageConfiguration": {"overageStatus": "DISABLED"},
        "totalUsage": {"maxOverageLimit": 0, "overageLimit": 0, "totalOverageCharges": 0.0},
        "userInfo": {"userId": "sim-user", "email": "sim@example.invalid"},
    } | {name: value for name, value in changed.items() if name != "credits"}


def profile(region: str | None) -> dict[str, Any]:
    """Return the only profile of an OIDC login or API key, in a region (None: in us-east-1)."""
    return {
        "arn": PROFILE_ARN.replace("us-east-1", region or "us-east-1"),
        "profileName": "simulator",
        "status": "ACTIVE",
        "profileType": "KIRO",
        "optInFeatures": {"mcpConfiguration": {"toggle": "ON"}},
    }


def invoke_mcp(call: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON-RPC 2.0 response.

    The only tool is web_search; its result is JSON within JSON. A query has at most 200 characters.
    Of `changed`, `results` replaces the pages, `error` is a member beside them, `answer` replaces
    the whole response but its id, and `text` the JSON of the result.
    """
    params = as_dict(call.get("params"))
    if call.get("method") == "tools/list":
        return {"id": call.get("id"), "jsonrpc": "2.0", "result": {"tools": [_WEB_SEARCH]}}
    known = call.get("method") == "tools/call" and params.get("name") == "web_search"
    query = as_dict(params.get("arguments")).get("query")
    if not known or not isinstance(query, str) or len(query) > QUERY_MAX:
        message = f"only tools/call of web_search with a query of at most {QUERY_MAX} characters"
        problem = {"code": -32602, "message": message}
        return {"id": call.get("id"), "jsonrpc": "2.0", "error": problem}
    if "answer" in changed:
        return {"id": call.get("id"), "jsonrpc": "2.0", **as_dict(changed["answer"])}
    found = {"results": _hits(query), "totalResults": 2, "query": query}
    found |= {name: changed[name] for name in ("results", "error") if name in changed}
    text = changed.get("text", json.dumps(found))
    result = {"content": [{"type": "text", "text": text}], "isError": False}
    return {"id": call.get("id"), "jsonrpc": "2.0", "result": result}


def _hits(query: str) -> list[dict[str, Any]]:
    return [
        {
            "title": f"Result {number} for {query}",
            "url": f"https://example.invalid/{number}?q={quote_plus(query)}",
            "snippet": f"What the simulator knows about {query}: nothing.",
            "publishedDate": 1_760_000_000_000 + number,
            "id": f"sim-{number}",
            "domain": "example.invalid",
        }
        for number in (1, 2)
    ]
