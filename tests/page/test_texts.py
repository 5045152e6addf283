"""The table of texts: whole in both languages, and for everything that can need a text."""

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from app.common.errors import Kind
from app.core.events import StopReason
from app.credentials import Condition
from app.credentials.accounts import readiness
from app.page.routes import VIEWS
from app.page.texts import TEXTS, chosen

TEMPLATES = Path(__file__).parents[2] / "app" / "page" / "templates"


@pytest.mark.parametrize("name", TEXTS)
def test_both_languages_say_it_with_the_same_values(name):
    english, chinese = TEXTS[name]
    assert english
    assert chinese
    fields = [
        {field for _, field, _, _ in string.Formatter().parse(text) if field}
        for text in (english, chinese)
    ]
    assert fields[0] == fields[1]


def test_every_reason_has_a_text():
    reasons = {readiness.NO_LOGIN, *(one.value for one in Condition)}
    reasons -= {Condition.READY.value, Condition.UNTRIED.value}
    wanted = {f"failure.{kind.value}" for kind in Kind}
    wanted |= {f"state.{condition.value}" for condition in Condition}
    wanted |= {f"end.{reason}" for reason in get_args(StopReason)}
    wanted |= {f"unready.{reason}" for reason in reasons}
    assert wanted <= TEXTS.keys()


def test_the_templates_name_only_texts_that_there_are():
    used = set(VIEWS)
    for path in TEMPLATES.glob("*.html"):
        used |= set(re.findall(r"\bt\('([a-z_0-9]+)'[,)]", path.read_text(encoding="utf-8")))
    assert used <= TEXTS.keys()
    assert len(used) > 50


@pytest.mark.parametrize(
    ("wish", "accepted", "code"),
    [
        (None, ["zh-CN", "en"], "zh"),
        (None, ["fr", "en-GB", "zh"], "en"),
        (None, [], "en"),
        ("zh", ["en"], "zh"),
        ("xx", ["zh"], "zh"),
    ],
)
def test_the_language(wish, accepted, code):
    assert chosen(wish, accepted).code == code
