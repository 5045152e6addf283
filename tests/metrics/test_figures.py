"""What a request adds, and what is looked at once a second."""

from pathlib import Path
from typing import Any

import pytest

from app.common.finished import Finished
from app.metrics import sampler
from app.metrics.requests import RequestFigures
from app.metrics.sampler import Now, Sampler, SoFar
from app.metrics.store import Store
from tests.metrics.test_store import samples


def finished(**members: Any) -> Finished:
    always = {"request_id": "req_1", "method": "POST", "path": "/v1/messages", "status": 200}
    return Finished(**{"time": 1.7e9, "total": 2.5, **always, **members})


ANSWERED = {
    "dialect": "anthropic", "key": "alice", "streamed": True, "model_asked": "sonnet", "model": "m",
    "input_tokens": 12, "output_tokens": 3, "cache_read_tokens": 5, "credits": 0.25,
    "first_event": 1.25, "longest_gap": 0.5, "attempts": 3,
}  # fmt: skip


@pytest.fixture
def figures(tmp_path: Path) -> RequestFigures:
    return RequestFigures(Store(tmp_path, 0), lambda model: model == "m")


def test_an_answer(figures: RequestFigures, tmp_path: Path) -> None:
    figures(finished(**ANSWERED, repairs=("merge-turns",), ignored=("top_k",)))
    found = samples(tmp_path)
    of_model = "('gen_ai_operation_name', 'chat'), ('gen_ai_provider_name', 'kiro'), "
    of_model += "('gen_ai_response_model', 'm')"
    assert (
        found[
            "kiro2api_requests_total[('dialect', 'anthropic'), ('error_type', 'none'), "
            "('model', 'm'), ('status', '200')]"
        ]
        == 1
    )
    for kind, count in {"input": 12, "output": 3, "cache_read": 5}.items():
        labels = f"[('key', 'alice'), ('model', 'm'), ('type', '{kind}')]"
        assert found[f"kiro2api_tokens_total{labels}"] == count
    assert found["kiro2api_credits_total[('key', 'alice'), ('model', 'm')]"] == 0.25
    assert found["kiro2api_retries_total[('model', 'm')]"] == 2
    assert found["kiro2api_repairs_total[('name', 'merge-turns')]"] == 1
    assert found["kiro2api_ignored_total[('name', 'top_k')]"] == 1
    duration = "gen_ai_server_request_duration_seconds_sum[('error_type', 'none'), "
    assert found[f"{duration}{of_model}]"] == 2.5
    assert found[f"gen_ai_server_time_to_first_token_seconds_sum[{of_model}]"] == 1.25
    assert found["kiro2api_stream_longest_gap_seconds_sum[('model', 'm')]"] == 0.5
    usage = f"gen_ai_client_token_usage_sum[{of_model}, ('gen_ai_token_type', "
    assert (found[f"{usage}'input')]"], found[f"{usage}'output')]"]) == (17, 3)


def test_a_refused_request(figures: RequestFigures, tmp_path: Path) -> None:
    figures(finished(status=401, error="authentication"))
    found = samples(tmp_path)
    assert found == {
        "kiro2api_requests_total[('dialect', 'none'), ('error_type', 'authentication'), "
        "('model', 'none'), ('status', '401')]": 1
    }


def test_a_name_that_a_client_made_up_is_no_label(figures: RequestFigures, tmp_path: Path) -> None:
    figures(finished(**ANSWERED | {"model": "made-up"}, facts={"refusal": "cyber"}))
    text = str(samples(tmp_path))
    assert "made-up" not in text
    assert "('model', 'other')" in text
    assert "kiro2api_refusals_total[('category', 'cyber')]" in text


def test_counts_begin_before_the_first_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus takes the first value of a series for no growth."""
    monkeypatch.setattr(sampler, "EVERY", 60)
    now = Now(0, 0, 0, True, {}, None, 0)
    looking = Sampler(Store(tmp_path, 0), "1.2.3", lambda: now, lambda: SoFar(0, {}))
    looking.start()
    found = samples(tmp_path)
    looking.close()
    assert found["kiro2api_log_lines_dropped_total[]"] == 0
    for outcome in ("ok", "failed", "over"):
        assert found[f"kiro2api_token_refreshes_total[('outcome', '{outcome}')]"] == 0


def test_requests_that_differ_in_one_label(figures: RequestFigures, tmp_path: Path) -> None:
    for changed in ({}, {"key": "bob"}, {"error": "truncated"}, {"dialect": "openai_chat"}, {}):
        figures(finished(**ANSWERED | changed))
    found = samples(tmp_path)
    counts = {name: value for name, value in found.items() if name.startswith("kiro2api_requests")}
    assert sorted(counts.values()) == [1, 1, 3]
    output = "kiro2api_tokens_total[('key', '{}'), ('model', 'm'), ('type', 'output')]"
    assert (found[output.format("alice")], found[output.format("bob")]) == (12, 3)
    assert found["kiro2api_retries_total[('model', 'm')]"] == 10


def test_a_model_that_is_known_later(tmp_path: Path) -> None:
    known: set[str] = set()
    figures = RequestFigures(Store(tmp_path, 0), known.__contains__)
    figures(finished(**ANSWERED))
    known.add("m")
    figures(finished(**ANSWERED))
    found = samples(tmp_path)
    for model in ("other", "m"):
        assert found[f"kiro2api_retries_total[('model', '{model}')]"] == 2


def test_what_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler, "EVERY", 60)
    now = [Now(3, 1, 9, True, {"ready": 2}, 12.5, 1), Now(0, 0, 1, False, {"out": 2}, None, 0)]
    so_far = [SoFar(4, {"ok": 1}), SoFar(6, {"ok": 1, "over": 1})]
    looking = Sampler(Store(tmp_path, 0), "1.2.3", lambda: now.pop(0), lambda: so_far.pop(0))
    looking.look()
    found = samples(tmp_path)
    assert found["kiro2api_answers_in_progress[]"] == 3
    assert found["kiro2api_requests_waiting[]"] == 1
    assert found["kiro2api_connections[]"] == 9
    assert found["kiro2api_ready[]"] == 1
    assert found["kiro2api_workers_stuck[]"] == 1
    assert found["kiro2api_accounts[('state', 'ready')]"] == 2
    assert found["kiro2api_catalogue_age_seconds[]"] == 12.5
    assert found["kiro2api_log_lines_dropped_total[]"] == 4
    looking.look()
    found = samples(tmp_path)
    assert found["kiro2api_ready[]"] == 0
    assert found["kiro2api_workers_stuck[]"] == 0
    assert found["kiro2api_accounts[('state', 'ready')]"] == 0
    assert found["kiro2api_accounts[('state', 'out')]"] == 2
    assert found["kiro2api_log_lines_dropped_total[]"] == 6
    assert found["kiro2api_token_refreshes_total[('outcome', 'ok')]"] == 1
    assert found["kiro2api_token_refreshes_total[('outcome', 'over')]"] == 1
