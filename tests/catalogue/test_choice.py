"""The model for a request: what is logged, and what is refused."""

import logging

import pytest

from app.catalogue.choice import ModelChoice
from app.catalogue.merged import Merged
from app.common.errors import GatewayError, Kind
from app.models.catalogue import Catalogue
from app.models.table import MODELS


def choice(**given: object) -> ModelChoice:
    settings: dict[str, object] = {"default": "", "aliases": {}, "unknown": "nearest"}
    return ModelChoice(**settings | given)  # type: ignore[arg-type]


def test_a_name_that_no_model_has_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    models = choice()
    with caplog.at_level(logging.WARNING, "kiro2api.models"):
        for _ in range(3):
            assert models.choose("claude-opus-9").model.id == "claude-opus-5-5"
            models.choose("claude-opus-5-5[1m]")
            models.resolve("gpt-4o")
    assert [record.getMessage() for record in caplog.records] == [
        "no model is named 'claude-opus-9'; claude-opus-5-5 answers instead"
    ]


def test_names_in_the_log_are_short_and_few_are_remembered() -> None:
    models = choice()
    for number in range(2500):
        models.choose(f"m{number}" + "x" * 1000)
    assert len(models._warned) <= 1000
    assert max(map(len, models._warned)) == 200


def test_a_refusal_names_the_nearest_models() -> None:
    with pytest.raises(GatewayError) as failure:
        choice(unknown="refuse").choose("gpt-6.1-sol")
    error = failure.value
    assert (error.kind, error.code, error.field) == (Kind.INVALID_MODEL, "model_not_found", "model")
    assert "gpt-5.6-sol, gpt-5.6-terra, gpt-5.6-luna" in error.message


def test_another_catalogue_is_used_as_a_whole() -> None:
    models = choice(aliases={"mine": "opus"})
    before = models.names
    models.use(Merged({"a": None}))
    assert models.names is before
    models.use(Merged({"a": Catalogue(MODELS[1:])}))
    assert models.choose("mine").model.current_id == "claude-opus-5"
    assert before.resolve("mine").model.current_id == "claude-opus-5.5"
