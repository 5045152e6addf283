from app.core.conversation import Conversation, Image, Message, Text, Tool, as_one


def test_what_was_said_is_not_in_the_repr() -> None:
    conversation = Conversation(
        model="m",
        messages=(Message("user", (Text("canary"),)),),
        system="canary",
        tools=(Tool("canary"),),
        session="canary",
    )
    assert repr(conversation) == "<Conversation with m: 1 messages>"


def test_turns_become_one_in_their_order() -> None:
    first = Message("user", (Text("a"),))
    assert as_one([first]) is first
    second = Message("user", (Image("png", "AAAA"), Text("b")))
    assert as_one([first, second]) == Message("user", first.parts + second.parts)
