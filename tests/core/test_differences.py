"""What a repair has changed, as it is told."""

from msgspec.structs import replace

from app.core.conversation import Conversation, Message, Text, Tool
from app.core.differences import MOST_CHANGES, differences, repair, shown

ONE, TWO = Message("user", (Text("one"),)), Message("assistant", (Text("two"),))
ASKED = Conversation(model="m", messages=(ONE, TWO))


def test_the_same_values_do_not_differ() -> None:
    assert list(differences(ASKED, ASKED)) == []
    assert list(differences(ASKED, replace(ASKED))) == []


def test_a_text_inside() -> None:
    other = replace(ASKED, messages=(ONE, Message("assistant", (Text("three"),))))
    [change] = differences(ASKED, other)
    assert (change.at, change.was, change.now) == ("messages[1].parts[0].text", "two", "three")


def test_what_was_added_and_removed() -> None:
    longer = replace(ASKED, messages=(ONE, TWO, ONE))
    [added] = differences(ASKED, longer)
    assert (added.at, added.was) == ("messages[2]", None)
    assert added.now["parts"] == [{"kind": "Text", "text": "one"}]
    [removed] = differences(longer, ASKED)
    assert (removed.at, removed.now) == ("messages[2]", None)


def test_a_long_text_is_shown_from_where_it_differs() -> None:
    before = replace(ASKED, system="a" * 5000)
    [change] = differences(before, replace(ASKED, system="a" * 5000 + "the end"))
    assert change.now.startswith("...a")
    assert "the end" in change.now
    assert len(change.was) < 400
    assert len(change.now) < 400


def test_members_of_a_schema() -> None:
    tool = Tool("f", "", {"type": "object", "title": "T"})
    before, after = replace(ASKED, tools=(tool,)), replace(ASKED, tools=(replace(tool, schema={}),))
    places = {change.at for change in differences(before, after)}
    assert places == {"tools[0].schema.type", "tools[0].schema.title"}


def test_what_is_shown_is_bounded() -> None:
    many = replace(ASKED, messages=(Message("user", tuple(Text(str(n)) for n in range(100))),))
    none = replace(ASKED, messages=(Message("user", ()),))
    made = repair("merge-turns", many, none)
    assert (len(made.changes), made.more) == (MOST_CHANGES, 100 - MOST_CHANGES)
    deep: list[object] = []
    for _ in range(1000):
        deep = [deep]
    assert len(str(shown(deep))) < 200
    assert len(str(shown("x" * 10**6))) < 400
    assert len(shown(dict.fromkeys(map(str, range(1000)), 1))) < 20
