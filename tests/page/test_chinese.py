"""The Chinese of what the gateway says in English elsewhere: whole, and of texts that there are."""

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from app.codewhisperer.service.error_table import RULES
from app.core import repairs
from app.credentials.accounts.condition import CONDITIONS
from app.credentials.refresh.refresher import _FINAL_CODES
from app.page.chinese import accounts
from app.page.chinese import repairs as chinese_repairs
from app.page.chinese.sentences import SENTENCES, chinese
from app.page.texts import Language

APP = Path(__file__).parents[2] / "app"


def template(node: ast.AST | None) -> str:
    """A text with {} for each value, "" for what is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = node.values
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts
        )
    return ""


def unnamed(sentence: str) -> str:
    return re.sub(r"\{\w+\}", "{}", sentence)


def nodes(folder: str) -> Iterator[ast.AST]:
    for path in sorted((APP / folder).rglob("*.py")):
        if "chinese" not in path.parts:
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


@cache
def written() -> str:
    """All texts of the program."""
    return "\n".join(filter(None, map(template, nodes(""))))


def problems() -> Iterator[str]:
    """What is said of entries and sources of logins that cannot be used."""
    for node in nodes("credentials"):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called == "BadEntry" or called.endswith("problems.append"):
            yield template(node.args[0])
        for given in node.keywords:
            if given.arg == "problems" and isinstance(given.value, ast.List):
                yield from map(template, given.value.elts)


def filled(english: str) -> str:
    """The sentence with a word for each value."""
    return unnamed(english).replace("{}", "x1")


@pytest.mark.parametrize("name", repairs.REPAIRS)
def test_every_repair_is_explained(name: str) -> None:
    said = Language("zh").repair(name)
    assert is_chinese(said)
    assert chinese_repairs.meaning(name.replace("*", "some")) == said


def test_the_repairs_are_those_that_there_are() -> None:
    assert chinese_repairs.REPAIRS.keys() == repairs.REPAIRS.keys()
    assert chinese_repairs.meaning("something else") == ""


@pytest.mark.parametrize("explanation", sorted({rule.explanation for rule in RULES}))
def test_every_refusal_of_the_service_is_explained(explanation: str) -> None:
    said = chinese(f'{explanation} The upstream said: "No {{x}}." (HTTP 400, Some)')
    assert is_chinese(said)
    assert said.endswith("上游的原话：“No {x}.”（HTTP 400, Some）")


@pytest.mark.parametrize("advice", [one.advice for one in CONDITIONS.values() if one.advice])
def test_every_advice_is_given(advice: str) -> None:
    said = chinese(advice.format(command="bin/kiro2api", account="main"))
    assert is_chinese(said)
    assert ("bin/kiro2api" in said) is ("{command}" in advice)


@pytest.mark.parametrize("problem", sorted({*filter(None, problems())} - {"{} {}"}))
def test_every_problem_of_a_login_is_said(problem: str) -> None:
    values = iter(["KIRO_AUTH_TOKEN entry 2", "second", "third"])
    said = chinese(re.sub(r"\{\}", lambda _: next(values), problem))
    assert is_chinese(said), problem
    assert "KIRO_AUTH_TOKEN entry 2" in said


@pytest.mark.parametrize("why", sorted({*_FINAL_CODES.values()}))
def test_every_reason_for_which_a_login_is_over_is_said(why: str) -> None:
    login = f"The login of account main (AWS_REFRESHTOKEN) is over: {why}. To continue, log in."
    said = chinese(f"{login} To try the same login once more, run `x --clear main` or restart.")
    assert chinese(why) in said
    assert "`x --clear main`" in said


@pytest.mark.parametrize("english", SENTENCES)
def test_a_sentence_keeps_its_values_and_gives_its_own_chinese(english: str) -> None:
    names = [
        {field for _, field, _, _ in string.Formatter().parse(text) if field}
        for text in (english, SENTENCES[english])
    ]
    assert names[1] <= names[0]
    assert chinese(filled(english)) == re.sub(r"\{\w+\}", "x1", SENTENCES[english])


@pytest.mark.parametrize(
    "english", [*accounts.ADVICE, *accounts.REASONS, *accounts.PROBLEMS, *accounts.DOOR]
)
def test_no_sentence_is_left_of_one_that_is_no_more(english: str) -> None:
    """Where it is put together, its longest part is."""
    longest = max(re.split(r"\{\w+\}", english), key=len).strip(" .;:")
    assert longest in written()


def test_what_is_in_no_row_has_no_chinese() -> None:
    assert chinese("messages.0.content: Input should be a text") == ""
    assert Language("en").own("As it is.") == "As it is."


def is_chinese(text: str) -> bool:
    return bool(re.search("[\u4e00-\u9fff]", text))
