"""Names of models as clients write them, and what they come to."""

import datetime

import pytest

from app.core.conversation import Conversation, Reasoning
from app.models.names import check, listing, resolve
from app.models.table import MODELS, context_window

DEFAULT = "claude-sonnet-4.5"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("Claude-Sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5-latest", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5-20250929[1m]", "claude-sonnet-4-5-20250929"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("bedrock/anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4-20250514"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4-20250514"),
        ("claude-sonnet-4-0", "claude-sonnet-4-20250514"),
        ("CLAUDE_SONNET_4_20250514_V1_0", "claude-sonnet-4-20250514"),
        ("claude-3.7-sonnet", "claude-3-7-sonnet-20250219"),
        ("claude-sonnet-3-7", "claude-3-7-sonnet-20250219"),
        ("claude-3-5-haiku-latest", "claude-3-5-haiku-20241022"),
        ("claude-opus-4-6", "claude-opus-4-6"),
        ("gpt-5.6-sol", "gpt-5.6-sol"),
        ("auto", "auto"),
    ],
)
def test_one_model_has_many_spellings(name: str, expected: str) -> None:
    resolution = resolve(name, DEFAULT, {})
    assert (resolution.model.id, resolution.matched) == (expected, True)


def test_the_ids_of_the_go_original_on_the_hosts_it_used() -> None:
    for name, upstream in (
        ("claude-sonnet-4-20250514", "CLAUDE_SONNET_4_20250514_V1_0"),
        ("claude-3-5-haiku-20241022", "CLAUDE_3_7_SONNET_20250219_V1_0"),
    ):
        model = resolve(name, DEFAULT, {}).model
        assert model.upstream_id("codewhisperer") == upstream
        assert model.upstream_id("q") == upstream


def test_the_newest_host_takes_current_ids_alone() -> None:
    assert all(model.upstream_id("kiro") == model.upstream_id("kiro").lower() for model in MODELS)
    assert resolve("claude-sonnet-4-5", DEFAULT, {}).model.upstream_id("kiro") == DEFAULT


def test_a_model_without_a_legacy_id_has_the_current_one_everywhere() -> None:
    model = resolve("claude-opus-4-6", DEFAULT, {}).model
    assert {model.upstream_id(host) for host in ("codewhisperer", "q", "kiro")} == {
        "claude-opus-4.6"
    }


@pytest.mark.parametrize("name", ["gpt-4o", "m", "", "claude-sonnet-4-5-x"])
def test_any_other_name_is_the_default_and_says_so(name: str) -> None:
    resolution = resolve(name, DEFAULT, {})
    assert resolution.model.id == "claude-sonnet-4-5-20250929"
    assert not resolution.matched
    conversation = resolution.apply(Conversation(model=name, messages=(), notes=("before",)))
    assert conversation.notes == ("before", f"model:{name}")


def test_a_known_name_leaves_the_conversation_alone() -> None:
    conversation = Conversation(model="claude-sonnet-4.5", messages=())
    assert resolve("claude-sonnet-4.5", DEFAULT, {}).apply(conversation) is conversation


def test_suffixes_ask_for_effort_and_thinking_unless_the_request_does() -> None:
    resolution = resolve("claude-opus-4.8-thinking-high", DEFAULT, {})
    silent = Conversation(model="x", messages=())
    assert resolution.apply(silent).reasoning == Reasoning(enabled=True, effort="high")
    said = Conversation(model="x", messages=(), reasoning=Reasoning(enabled=False, effort="low"))
    assert resolution.apply(said) is said


def test_aliases_come_first_in_any_case_and_may_name_a_model_unknown_here() -> None:
    aliases = {"gpt-4o": "claude-opus-4.8-high", "Next": "claude-fable-9", "auto": "glm-5"}
    assert resolve("GPT-4o", DEFAULT, aliases).effort == "high"
    assert resolve("auto", DEFAULT, aliases).model.id == "glm-5"
    new = resolve("next", DEFAULT, aliases)
    assert new.matched
    assert new.model.upstream_id("q") == new.model.upstream_id("kiro") == "claude-fable-9"
    assert new.model.context_window is None


def test_the_default_may_be_unknown_here_but_not_nonsense() -> None:
    assert resolve("x", "claude-fable-9", {}).model.upstream_id("kiro") == "claude-fable-9"
    for refused in (check, lambda name: resolve("x", name, {})):
        with pytest.raises(ValueError, match="'no such/model!' is not a model id"):
            refused("no such/model!")
    for name in ("claude-fable-9", "anthropic/claude-sonnet-4.5", "CLAUDE_FABLE_9_V1_0"):
        check(name)


@pytest.mark.parametrize("name", ["claude-fable-9", " Claude-Fable-9 "])
def test_who_names_the_default_gets_what_was_asked_for(name: str) -> None:
    resolution = resolve(name, "claude-fable-9", {})
    assert resolution.matched
    assert resolution.model.current_id == "claude-fable-9"


def test_listing_has_every_model_once_and_the_aliases() -> None:
    ids = [model.id for model in listing("auto", {"mine": "claude-sonnet-4.5", "Auto": "glm-5"})]
    assert ids[:2] == ["mine", "Auto"]
    assert "auto" not in ids
    assert len(set(ids)) == len(ids) == len(MODELS) + 1
    assert next(listing("auto", {"mine": "claude-sonnet-4.5"})).context_window == 200_000


def test_listing_has_a_default_that_the_table_lacks() -> None:
    assert [model.id for model in listing("new-1", {"mine": "glm-5"})][:2] == ["mine", "new-1"]
    ids = [model.id for model in listing("new-1", {"New-1": "glm-5"})]
    assert ids[0] == "New-1"
    assert "new-1" not in ids


def test_dates_are_those_of_the_id_or_the_epoch() -> None:
    created = {model.id: model.created for model in MODELS}
    assert created["claude-opus-4-5-20251101"] == "2025-11-01"
    assert created["claude-opus-4-6"] == "1970-01-01"
    assert all(datetime.date.fromisoformat(date) for date in created.values())


def test_the_window_of_the_model_that_answered() -> None:
    assert context_window("claude-opus-4.6") == 1_000_000
    assert context_window("CLAUDE_SONNET_4_20250514_V1_0") == 200_000
    assert context_window("auto") == 1_000_000
    assert context_window(None) is None
