"""Names of models as clients write them, and what they come to."""

import datetime

import pytest

from app.core.conversation import Conversation, Reasoning
from app.models.catalogue import STATIC, Catalogue
from app.models.model import Model
from app.models.names import Names, UnknownModel, check, resolve
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
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("Claude-Opus-5-5[1M][1m]", "claude-opus-5-5"),
        ("claude-opus-5-5[1m]-thinking", "claude-opus-5-5"),
        ("claude-opus-5-5-high[1m]", "claude-opus-5-5"),
        ("claude-opus-5-5-20261001[1m]-latest", "claude-opus-5-5"),
        ("claude-sonnet-4.6-1m", "claude-sonnet-4-6"),
        ("kiro/gpt-5.6-sol[1m]", "gpt-5.6-sol"),
        ("anthropic:claude-opus-4-8", "claude-opus-4-8"),
        ("claude-opus-4-8:beta", "claude-opus-4-8"),
        ("claude-opus-4-8-fast", "claude-opus-4-8"),
        ("claude-opus-4-8(high)", "claude-opus-4-8"),
        ("claude-opus-4-8 (high)", "claude-opus-4-8"),
        ("claude-opus-4-8(16384)", "claude-opus-4-8"),
        ("opus", "claude-opus-5-5"),
        ("Opus[1m]", "claude-opus-5-5"),
        ("sonnet", "claude-sonnet-5-5"),
        ("haiku", "claude-haiku-5-5"),
        ("fable(max)", "claude-fable-5-1"),
        ("claude-opus-latest", "claude-opus-5-5"),
        ("deepseek", "deepseek-3.2"),
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


PAID = STATIC
FREE = Catalogue(
    tuple(
        model
        for model in MODELS
        if model.id
        in (
            "claude-sonnet-4-5-20250929", "claude-sonnet-4-20250514", "claude-haiku-4-5-20251001",
            "auto", "deepseek-3.2", "minimax-m2.5", "minimax-m2.1", "glm-5", "qwen3-coder-next",
        )
    ),
    default="auto",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "catalogue", "expected"),
    [
        ("claude-opus-5-6", PAID, "claude-opus-5.5"),
        ("claude-opus-5-6[1m]", PAID, "claude-opus-5.5"),
        ("claude-opus-6", PAID, "claude-opus-5.5"),
        ("claude-opus-5-1", PAID, "claude-opus-5"),
        ("claude-opus-4-20250514", PAID, "claude-opus-4.5"),
        ("claude-3-opus-20240229", PAID, "claude-opus-4.5"),
        ("claude-3-5-sonnet-20241022", PAID, "claude-sonnet-4"),
        ("claude-sonnet-4-5-x", PAID, "claude-sonnet-4.5"),
        ("claude-haiku-5-5-preview", PAID, "claude-haiku-5.5"),
        ("claude-fable-5-2", PAID, "claude-fable-5.1"),
        ("claude-mythos-1", PAID, "claude-fable-5.1"),
        ("gpt-6.1-sol", PAID, "gpt-5.6-sol"),
        ("gpt-6-sol", PAID, "gpt-5.6-sol"),
        ("gpt-6.1-terra", PAID, "gpt-5.6-terra"),
        ("gpt-6-luna", PAID, "gpt-5.6-luna"),
        ("gpt-6-astra", PAID, "gpt-5.6-sol"),
        ("gpt-6-sol-codex", PAID, "gpt-5.6-sol"),
        ("deepseek-v4", PAID, "deepseek-3.2"),
        ("glm-5.3", PAID, "glm-5"),
        ("minimax-m2.2", PAID, "minimax-m2.1"),
        ("qwen3-coder-480b", PAID, "qwen3-coder-next"),
        ("kimi-k2.5", PAID, "kimi-k3"),
        ("claude-opus-5-5", FREE, "claude-sonnet-4.5"),
        ("claude-sonnet-5-5", FREE, "claude-sonnet-4.5"),
        ("claude-haiku-5-5[1m]", FREE, "claude-haiku-4.5"),
        ("claude-fable-5-1", FREE, "claude-sonnet-4.5"),
        ("opus", FREE, "claude-sonnet-4.5"),
        ("gpt-5.6-sol", FREE, "auto"),
        ("gpt-4o", FREE, "auto"),
        ("gpt-4o", PAID, "claude-sonnet-5.5"),
        ("m", PAID, "claude-sonnet-5.5"),
        ("", PAID, "claude-sonnet-5.5"),
        ("claude", PAID, "claude-sonnet-5.5"),
        ("auto-router", PAID, "claude-sonnet-5.5"),
        ("x" * 300, PAID, "claude-sonnet-5.5"),
    ],
)
def test_any_other_name_is_the_nearest_of_its_family_or_the_default_and_says_so(
    name: str, catalogue: Catalogue, expected: str
) -> None:
    resolution = resolve(name, "", {}, catalogue)
    assert resolution.model.current_id == expected
    assert not resolution.matched
    conversation = Conversation(model=name, messages=(), notes=("before",))
    assert resolution.apply(conversation).notes == ("before", f"model:{name}")


def test_where_no_fable_is_listed_the_newest_opus_answers() -> None:
    without = tuple(model for model in MODELS if "fable" not in model.id)
    for name in ("fable", "claude-fable-5-1", "claude-fable-5-2[1m]"):
        resolution = resolve(name, "", {}, Catalogue(without))
        assert resolution.model.current_id == "claude-opus-5.5"
        assert not resolution.matched


def test_an_unlisted_name_keeps_its_suffixes() -> None:
    resolution = resolve("gpt-6.1-sol(xhigh)", "", {})
    assert (resolution.model.id, resolution.effort) == ("gpt-5.6-sol", "xhigh")


def test_an_effort_at_the_end_of_a_listed_id_is_a_part_of_it() -> None:
    large = Model("qwen4-max", "Qwen4 Max", "qwen4-max")
    resolution = resolve("Qwen4-Max", "", {}, Catalogue((large, *MODELS)))
    assert (resolution.model, resolution.effort) == (large, None)
    assert resolve("qwen4-max-high", "", {}, Catalogue((large, *MODELS))).effort == "high"


def test_the_default_is_that_of_the_service_then_the_newest_sonnet_then_the_first() -> None:
    assert resolve("x", "", {}, FREE).model.id == "auto"
    nothing_listed = Catalogue(FREE.models, default="gone")
    assert resolve("x", "", {}, nothing_listed).model.current_id == "claude-sonnet-4.5"
    assert resolve("x", "", {}, Catalogue(MODELS[-1:])).model == MODELS[-1]
    assert resolve("x", "glm-5", {}, FREE).model.id == "glm-5"
    assert resolve("x", "claude-sonnet-5", {}, FREE).model.current_id == "claude-sonnet-4.5"


@pytest.mark.parametrize(
    ("unknown", "name", "sent", "matched", "refused"),
    [
        ("nearest", "claude-opus-9", "claude-opus-5.5", False, ()),
        ("pass", "claude-opus-9", "claude-opus-9", True, ()),
        ("pass", "gpt-7-nova", "gpt-7-nova", True, ()),
        ("pass", "claude-opus-9[1m]", "claude-opus-5.5", False, ()),
        ("pass", "claude-opus-4-8-high", "claude-opus-4.8", True, ()),
        (
            "refuse", "claude-opus-9", "claude-opus-5.5", False,
            ("claude-opus-5-5", "claude-opus-5", "claude-opus-4-8"),
        ),
        ("refuse", "x", "claude-sonnet-5.5", False,
         ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5")),
        ("refuse", "claude-opus-4.8", "claude-opus-4.8", True, ()),
    ],
)  # fmt: skip
def test_what_becomes_of_a_name_that_no_model_has(
    unknown: UnknownModel, name: str, sent: str, matched: bool, refused: tuple[str, ...]
) -> None:
    found = resolve(name, "", {}, STATIC, unknown)
    assert (found.model.current_id, found.matched, found.refused) == (sent, matched, refused)


def test_a_model_that_exists_but_is_not_listed_is_passed_by_its_upstream_id() -> None:
    found = resolve("claude-opus-5-5", "", {}, FREE, "pass")
    assert (found.model.current_id, found.matched) == ("claude-opus-5.5", True)


def test_an_alias_of_a_model_that_no_account_has_follows_the_same_rule() -> None:
    aliases = {"big": "claude-opus-5-5"}
    near = resolve("big", "", aliases, FREE)
    assert (near.model.current_id, near.matched) == ("claude-sonnet-4.5", False)
    assert resolve("big", "", aliases, FREE, "refuse").refused
    assert resolve("big", "", aliases, FREE, "pass").model.current_id == "claude-opus-5.5"


def test_a_known_name_leaves_the_conversation_alone() -> None:
    conversation = Conversation(model="claude-sonnet-4.5", messages=())
    assert resolve("claude-sonnet-4.5", DEFAULT, {}).apply(conversation) is conversation


def test_suffixes_ask_for_effort_and_thinking_unless_the_request_does() -> None:
    resolution = resolve("claude-opus-4.8-thinking-high", DEFAULT, {})
    silent = Conversation(model="x", messages=())
    assert resolution.apply(silent).reasoning == Reasoning(enabled=True, effort="high")
    said = Conversation(model="x", messages=(), reasoning=Reasoning(enabled=False, effort="low"))
    assert resolution.apply(said) is said


@pytest.mark.parametrize(
    ("name", "effort", "thinking"),
    [
        ("claude-opus-4-8-fast", None, None),
        ("claude-opus-4-8-thinking-high", "high", True),
        ("claude-opus-4-8-thinking-xhigh-fast", "xhigh", True),
        ("claude-4.8-opus-high-thinking", "high", True),
        ("claude-opus-4-8[1M][1m]", None, None),
    ],
)
def test_suffixes_of_cursor_and_doubled_ones_are_taken_off(
    name: str, effort: str | None, thinking: bool | None
) -> None:
    found = resolve(name, DEFAULT, {})
    assert (found.model.id, found.matched) == ("claude-opus-4-8", True)
    assert (found.effort, found.thinking) == (effort, thinking)


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
    names = Names(default="auto", aliases={"mine": "claude-sonnet-4.5", "Auto": "glm-5"})
    ids = [model.id for model in names.listing()]
    assert ids[:2] == ["mine", "Auto"]
    assert "auto" not in ids
    assert len(set(ids)) == len(ids) == len(MODELS) + 1
    assert next(names.listing()).context_window == 200_000


def test_listing_has_a_default_that_the_table_lacks() -> None:
    names = Names(default="new-1", aliases={"mine": "glm-5"})
    assert [model.id for model in names.listing()][:2] == ["mine", "new-1"]
    ids = [model.id for model in Names(default="new-1", aliases={"New-1": "glm-5"}).listing()]
    assert ids[0] == "New-1"
    assert "new-1" not in ids


def test_names_keep_what_they_found_but_not_without_end() -> None:
    names = Names(aliases={})
    assert names.resolve("opus") is names.resolve("opus")
    for number in range(1000):
        names.resolve(f"m{number}")
    assert len(names._found) <= 256
    assert names.default_name() == "claude-sonnet-5-5"
    assert Names(default="glm-5", aliases={}).default_name() == "glm-5"


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
