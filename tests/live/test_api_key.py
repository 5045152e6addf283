"""An API key as the only login of a real gateway."""

from pathlib import Path

import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

API_KEY = "ksk_CANARY0123456789abcdef"


def ask(gateway: Gateway) -> requests.Response:
    return requests.post(
        f"{gateway.url}/v1/messages",
        json={
            "model": "claude-sonnet-4-6",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "x"}],
        },
        headers={"x-api-key": KEY},
        timeout=30,
    )


def start(upstream: Simulator, work: Path, **settings: str) -> Gateway:
    key = work / "key"
    key.write_text(API_KEY)
    return Gateway(
        upstream.url,
        work,
        AWS_REFRESHTOKEN="",
        KIRO_API_KEY_FILE=str(key),
        WEB_CONCURRENCY="1",
        LOG_LEVEL="debug",
        **settings,
    )


def test_a_key_serves_and_opts_out_of_the_use_of_content(tmp_path: Path) -> None:
    """docs/upstream.md: An API key is a login

    docs/upstream.md: The opt-out header says whether content may be used
    """
    for settings, said in (({}, "true"), ({"KIRO_SHARE_CONTENT": "1"}, "false")):
        work = tmp_path / said
        work.mkdir()
        with Simulator() as upstream:
            gateway = start(upstream, work, **settings)
            try:
                assert ask(gateway).status_code == 200
                calls = upstream.requests
                assert {call.headers["tokentype"] for call in calls} == {"API_KEY"}
                assert {call.headers["x-amzn-codewhisperer-optout"] for call in calls} == {said}
                operations = [call.operation for call in calls]
                assert [name for name in operations if name != "ListAvailableModels"] == [
                    "GetProfile",
                    "GenerateAssistantResponse",
                ]
            finally:
                gateway.stop()
            assert "CANARY" not in gateway.log_text()


def test_a_key_that_is_over_is_not_sent_again(tmp_path: Path) -> None:
    """docs/upstream.md: An API key is known in one region"""
    with Simulator() as upstream:
        upstream.configure_tokens(dead=[API_KEY])
        gateway = start(upstream, tmp_path)
        try:
            answers = [ask(gateway) for _ in range(3)]
            calls = [call.operation for call in upstream.requests]
        finally:
            gateway.stop()
    assert calls == ["GetProfile"] * 2  # one for each region
    for answer in answers:
        assert answer.status_code == answers[0].status_code >= 400
        assert "refused in every region" in answer.text
    assert "CANARY" not in gateway.log_text() + "".join(answer.text for answer in answers)
