"""What the upstream told of one turn corrects the next."""

from app.core.events import Usage
from app.core.tokens.counts import TokenCounts
from app.core.tokens.prompt import Prompt
from app.core.tokens.told import Expected, ToldPrompts

FIRST = Prompt(100, (1,))
SECOND = Prompt(150, (1, 2, 3))


def figure(tokens: int) -> TokenCounts:
    return TokenCounts(tokens - 2, 9, 1, 1, source="upstream")


def test_without_a_figure_the_estimate_is_expected() -> None:
    assert ToldPrompts().expected(FIRST) == Expected(100)


def test_what_is_known_of_the_beginning_replaces_its_estimate() -> None:
    told = ToldPrompts()
    told.learn(FIRST, figure(4000))
    assert told.expected(FIRST) == Expected(4000, 4000)
    assert told.expected(SECOND) == Expected(4050, 4000)


def test_the_longest_beginning_counts() -> None:
    told = ToldPrompts()
    told.learn(SECOND, figure(5000))
    told.learn(FIRST, figure(4000))
    assert told.expected(Prompt(170, (1, 2, 3, 4, 5))) == Expected(5020, 5000)
    assert told.expected(Prompt(170, (1, 2, 4))) == Expected(4070, 4000)  # another branch
    assert told.expected(Prompt(170, (9, 8, 7))) == Expected(170)


def test_a_prompt_that_lost_its_tools_may_fall() -> None:
    told = ToldPrompts()
    told.learn(FIRST, figure(4000))
    assert told.expected(Prompt(60, (1, 2, 3))) == Expected(3960, 0)
    told.learn(FIRST, figure(80))
    assert told.expected(Prompt(60, (1, 2, 3))) == Expected(48, 0)
    told.learn(FIRST, figure(10))
    assert told.expected(Prompt(60, (1, 2, 3))) == Expected(6, 0)
    assert told.expected(Prompt(1, (1, 2, 3))) == Expected(1, 0)


def test_only_so_many_are_remembered_and_the_oldest_is_forgotten() -> None:
    told = ToldPrompts(most=2)
    for key in (1, 2):
        told.learn(Prompt(10, (key,)), figure(20))
    assert told.expected(Prompt(10, (1,))).tokens == 20  # used, so it is not the oldest now
    told.learn(Prompt(10, (3,)), figure(20))
    assert [told.expected(Prompt(10, (key,))).tokens for key in (1, 2, 3)] == [20, 10, 20]


def test_nothing_is_learned_of_nothing() -> None:
    told = ToldPrompts()
    told.learn(Prompt(1), figure(20))
    told.learn(FIRST, figure(0))
    told.learn(FIRST, TokenCounts(500, 9, source="estimate"))
    assert told.expected(FIRST) == Expected(100)


def test_the_meter_of_the_next_turn_begins_with_the_figure() -> None:
    told = ToldPrompts()
    told.learn(FIRST, TokenCounts(4000, 9, source="context_percentage"))
    meter = told.meter(SECOND, lambda _: 100_000)
    assert meter.input_estimate == 4050
    meter.feed([Usage(context_percentage=3.99)])
    assert meter.counts().input_tokens == 4000
