"""The lists of several accounts as one."""

from msgspec.structs import replace

from app.catalogue.merged import Merged
from app.models.catalogue import STATIC, Catalogue
from app.models.model import Model
from app.models.table import MODELS


def model(name: str) -> Model:
    found = STATIC.find(name)
    assert found is not None
    return found


OPUS, HAIKU, SOL = model("claude-opus-5-5"), model("claude-haiku-4-5"), model("gpt-5.6-sol")
SMALL_SOL = replace(SOL, context_window=272_000)
NEW = Model("nova-1", "Nova 1", "nova-1")


def test_each_model_once_as_the_first_account_has_it() -> None:
    merged = Merged(
        {"a": Catalogue((SMALL_SOL, HAIKU), "auto"), "b": Catalogue((OPUS, SOL), "claude-opus-5.5")}
    )
    assert merged.catalogue == Catalogue((SMALL_SOL, HAIKU, OPUS), "auto")
    assert merged.lacking(OPUS) == {"a"}
    assert merged.lacking(HAIKU) == {"b"}
    assert merged.lacking(SOL) == frozenset()
    assert merged.lacking(NEW) == {"a", "b"}


def test_an_account_whose_list_was_not_read_may_have_any_model_of_the_table() -> None:
    """docs/upstream.md: An empty list of models says nothing"""
    merged = Merged({"a": Catalogue((NEW, HAIKU)), "b": None})
    assert merged.catalogue.models[:2] == (NEW, HAIKU)
    ids = [one.current_id for one in merged.catalogue.models]
    assert len(ids) == len(set(ids)) > len(MODELS) - 3
    assert merged.lacking(OPUS) == {"a"}
    assert merged.lacking(NEW) == frozenset()
    assert Merged({}).catalogue is Merged({"a": None}).catalogue is STATIC


def test_a_single_account_is_asked_for_whatever_it_is() -> None:
    assert Merged({"a": Catalogue((HAIKU,))}).lacking(OPUS) == frozenset()


def test_the_window_is_that_of_the_account() -> None:
    """docs/upstream.md: The window of a model may differ between accounts"""
    merged = Merged({"a": Catalogue((SMALL_SOL,)), "b": Catalogue((SOL, NEW)), "c": None})
    assert merged.window("a", "gpt-5.6-sol") == 272_000
    assert merged.window("b", "gpt-5.6-sol") == 1_000_000
    assert merged.window("c", "gpt-5.6-sol") == 272_000
    assert merged.window("a", "claude-haiku-4.5") == 200_000
    assert merged.window("b", "nova-1") is None
    assert merged.window("", "CLAUDE_SONNET_4_20250514_V1_0") == 200_000
    assert merged.window("a", None) is None


def test_a_list_has_a_model_only_if_it_was_read() -> None:
    merged = Merged({"a": Catalogue((HAIKU,)), "b": None})
    assert merged.lists_model("a", HAIKU)
    assert not merged.lists_model("a", OPUS)
    assert not merged.lists_model("b", HAIKU)
    assert not merged.lists_model("nobody", HAIKU)
