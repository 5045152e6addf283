"""The page for people, by clicks in a real browser: the four questions that it must answer, what a
key may see, the playground, both themes, a phone, and what axe-core finds.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from app.simulator import Simulator
from tests.credentials.conftest import require
from tests.live.browser import CHROMIUM, DRIVER, Browser, axe_core
from tests.live.servers import KEY, ROOT, Gateway
from tests.live.test_keys import Service
from tests.live.test_page import begin

DEAD, GOOD = "dead-login".ljust(120, "d"), "good-login".ljust(120, "g")
PICTURES = ROOT / "docs" / "pictures"
VIEWS = ("", "/requests", "/usage", "/models", "/setup", "/playground")


class House(Service):
    """A gateway that was used for a while, and the keys of two people."""

    alice = bob = ""
    upstream: Simulator


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With a login that is dead, requests that failed, and credits that somebody used."""
    require(CHROMIUM and DRIVER, "chromium and chromium-driver")
    work = tmp_path_factory.mktemp("page")
    path = work / "client-keys.json"
    path.write_text('{"keys": []}')
    with Simulator() as upstream:
        upstream.configure_tokens(dead=[DEAD])
        gateway = Gateway(
            upstream.url,
            work,
            AWS_REFRESHTOKEN=f"{DEAD},{GOOD}",
            KIRO_CLIENT_KEYS_FILE=str(path),
        )
        found = House(gateway, path)
        found.upstream = upstream
        try:
            use(found, upstream)
            yield found
        finally:
            gateway.stop()


def use(house: House, upstream: Simulator) -> None:
    """Alice asks much, Bob little, and once for what is refused."""
    house.alice, house.bob = house.keys("add", "alice"), house.keys("add", "bob")
    answer = {"text": ["Hello ", "there"], "credits": 0.4}
    upstream.script(*[answer] * 6)
    for _ in range(5):
        assert house.ask(house.alice).status_code == 200
    assert house.ask(house.bob).status_code == 200
    assert house.ask(house.bob, max_tokens=-1).status_code == 400
    upstream.script({"fail": "too_long"})
    assert house.ask(house.alice).status_code == 400
    end = time.monotonic() + 20
    while (kept := kept_requests(house)) < 7:
        assert time.monotonic() < end, kept
        time.sleep(0.1)


def kept_requests(house: House) -> int:
    answer = requests.get(
        f"{house.gateway.url}/v1/usage", headers={"x-api-key": KEY}, timeout=20
    ).json()
    return int(answer["total"]["requests"])


@pytest.fixture(scope="module")
def window(house: House) -> Iterator[Browser]:
    running = Browser()
    yield running
    running.stop()


@pytest.fixture
def owner(window: Browser, house: House) -> Browser:
    """The browser, with the owner logged in."""
    log_in(window, house, KEY)
    return window


def log_in(browser: Browser, house: House, key: str) -> None:
    browser.devtools("Network.clearBrowserCookies")
    browser.theme("light")
    browser.size(1200, 860)
    browser.open(f"{house.gateway.url}/")
    browser.type("#key", key)
    browser.click("button[type=submit]")
    browser.find("header nav")


def test_which_login_is_dead(owner: Browser) -> None:
    owner.wait_for_text("Logins that need you")
    told = owner.text("#dead")
    assert "login over" in told
    assert re.search(r"What to do: Log in again: \S*kiro2api login, or where", told), told
    owner.until(lambda: "of 1,000 credits used" in owner.text("#content"), "a quota")


def test_why_a_request_failed(owner: Browser) -> None:
    owner.click('nav a[href$="/requests"]')
    owner.click('a[href$="only=failed"]')
    owner.click("tbody details summary")
    told = owner.text("tbody")
    assert "The conversation is longer than the model's window" in told
    assert "The request is not valid. Its message names the field to change." in told
    assert "max_tokens" in owner.run("return document.querySelector('tbody').textContent")
    assert owner.run("return document.querySelectorAll('tr.request').length") == 2


def test_who_used_the_credits(owner: Browser) -> None:
    owner.click('nav a[href$="/usage"]')
    first = owner.text("#by-key tbody tr:first-child")
    assert re.match(r"alice\s+2\.00\s+83 %\s+6\s+1\b", first), first
    assert owner.text("#by-key tbody tr:nth-child(2)").startswith("bob")


def test_what_to_set_in_a_client(owner: Browser, house: House) -> None:
    owner.devtools("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    owner.click('nav a[href$="/setup"]')
    owner.click("#claude-code button")
    owner.wait_for_text("Copied", "#claude-code button")
    copied = owner.run_later("navigator.clipboard.readText().then(arguments[arguments.length - 1])")
    assert f'export ANTHROPIC_BASE_URL="{house.gateway.url}"' in copied
    assert 'export ANTHROPIC_AUTH_TOKEN="YOUR_KEY"' in copied
    assert KEY not in owner.run("return document.documentElement.outerHTML")


def test_a_key_sees_its_own(window: Browser, house: House) -> None:
    log_in(window, house, house.bob)
    for view in VIEWS:
        window.open(f"{house.gateway.url}/dashboard{view}")
        shown = window.run("return document.documentElement.outerHTML")
        assert "alice" not in shown
        assert "Accounts" not in window.text()
    window.open(f"{house.gateway.url}/dashboard/requests")
    assert window.run("return document.querySelectorAll('tr.request').length") == 2


def test_new_requests_appear_by_themselves(owner: Browser, house: House) -> None:
    owner.open(f"{house.gateway.url}/dashboard/requests")
    owner.wait_for_text("Live", "#live")
    before = owner.run("return document.querySelectorAll('tr.request').length")
    owner.click("tr:last-child summary")
    assert house.ask(house.bob).status_code == 200
    owner.until(
        lambda: owner.run("return document.querySelectorAll('tr.request').length") == before + 1,
        "one more row",
    )
    assert owner.run("return document.querySelector('tbody tr:last-child details').open")
    assert owner.run("return document.activeElement.tagName") == "SUMMARY"


def test_what_is_in_progress(owner: Browser, house: House) -> None:
    owner.open(f"{house.gateway.url}/dashboard/requests")
    owner.wait_for_text("In progress: 0", "#in-progress")
    house.upstream.script({"text": ["a", "b"], "stall": {"after": 2}})
    with contextlib.closing(begin(house, house.bob, "/v1/messages")):
        owner.wait_for_text("In progress: 1", "#in-progress")
        owner.wait_for_text("streaming", "#in-progress tbody")
        row = owner.text("#in-progress tbody tr")
        assert re.search(r"bob \S+ anthropic 127\.0\.0\.1 \d+ s$", row), row
        owner.until(lambda: seconds_so_far(owner) > 1, "the seconds go on")
    owner.wait_for_text("In progress: 0", "#in-progress")


def seconds_so_far(browser: Browser) -> int:
    told = browser.run("return document.querySelector('[data-since]').textContent")
    return int(told.removesuffix(" s"))


def test_the_playground(owner: Browser) -> None:
    owner.click('nav a[href$="/playground"]')
    for dialect in ("messages", "chat", "responses"):
        owner.run("document.getElementById('p-dialect').value = arguments[0]", dialect)
        owner.click("#playground button[type=submit]")
        owner.wait_for_text("Done", "#p-state")
        assert owner.text("#p-answer")
        assert "data: {" in owner.text("#p-raw")
        assert '"repairs"' in owner.text("#p-explained")


def test_a_session_ends_with_its_key(window: Browser, house: House) -> None:
    key = house.keys("add", "carol")
    log_in(window, house, key)
    window.wait_for_text("Live", "#live")
    house.keys("revoke", "carol")
    window.find("#key")  # the open page asks for a key


def test_with_the_keyboard_alone(window: Browser, house: House) -> None:
    window.devtools("Network.clearBrowserCookies")
    window.open(f"{house.gateway.url}/dashboard")
    window.keys(KEY + "\ue007")
    window.find("header nav")
    window.keys("\ue004")
    assert window.run("return document.activeElement.className") == "skip"
    window.keys("\ue007")
    assert window.run("return location.hash") == "#main"


def test_chinese(owner: Browser, house: House) -> None:
    owner.click('a[lang="zh"]')
    owner.wait_for_text("概览", "h1")
    assert re.search(r"处理办法: 重新登录：\S*kiro2api login，或在", owner.text("#dead"))
    owner.click('nav a[href$="/requests"]')
    owner.wait_for_text("请求", "h1")
    told = "return document.querySelector('tbody').textContent"
    owner.until(lambda: "请缩短会话或压缩历史。上游的原话：“" in owner.run(told), "a message")
    assert owner.run("return document.documentElement.lang") == "zh-Hans"
    owner.click('a[lang="en"]')
    owner.wait_for_text("Requests", "h1")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(owner: Browser, house: House, theme: str) -> None:
    axe = axe_core()
    require(axe, "axe-core (see docs/dashboard.md)")
    assert axe
    owner.theme(theme)
    found = {}
    for view in VIEWS:
        owner.open(f"{house.gateway.url}/dashboard{view}")
        found[view] = owner.violations(axe)
    owner.devtools("Network.clearBrowserCookies")
    owner.open(f"{house.gateway.url}/dashboard")
    found["login"] = owner.violations(axe)
    assert not any(found.values()), found


def test_a_phone_needs_no_scrolling_sideways(owner: Browser, house: House) -> None:
    owner.size(360, 740)
    for view in VIEWS:
        owner.open(f"{house.gateway.url}/dashboard{view}")
        wide = owner.run("return document.documentElement.scrollWidth")
        assert wide <= 360, view


def test_nothing_comes_from_elsewhere(owner: Browser, house: House) -> None:
    for view in VIEWS:
        owner.open(f"{house.gateway.url}/dashboard{view}")
        loaded = owner.run("return performance.getEntriesByType('resource').map((one) => one.name)")
        hosts = {urlsplit(one).netloc for one in loaded}
        assert hosts == {urlsplit(house.gateway.url).netloc}


@pytest.mark.skipif(not os.environ.get("PICTURES"), reason="PICTURES=1 writes docs/pictures")
def test_pictures_of_the_docs(owner: Browser, house: House) -> None:
    PICTURES.mkdir(exist_ok=True)
    for view in ("", "/usage", "/requests", "/playground"):
        owner.open(f"{house.gateway.url}/dashboard{view}")
        if view == "/playground":
            owner.click("#playground button[type=submit]")
            owner.wait_for_text("Done", "#p-state")
        if view == "/requests":
            owner.click("tr.request:has(.bad) + tr summary")
        time.sleep(1)  # for the live content
        name = f"{view.strip('/') or 'overview'}-light.png"
        owner.picture(PICTURES / name)
    owner.size(390, 844)
    owner.theme("dark")
    owner.open(f"{house.gateway.url}/dashboard")
    owner.picture(Path(PICTURES / "phone-dark.png"))
