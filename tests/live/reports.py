"""Public reports about other gateways, tried on this one: each file of the corpus names the reports
that it was made from.
"""

import json
from pathlib import Path

import requests

from tests.live.servers import KEY, Gateway

REPORTS = Path(__file__).parents[1] / "corpus/reports"


def ask(gateway: Gateway, name: str) -> requests.Response:
    """The answer to the request of a report."""
    report = json.loads((REPORTS / f"{name}.json").read_text(encoding="utf-8"))
    return requests.request(
        report["method"],
        gateway.url + report["path"],
        json=report["body"],
        headers=report["headers"] | {"Authorization": f"Bearer {KEY}"},
        timeout=20,
    )
