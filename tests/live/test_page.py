"""The page for people, over HTTP: who gets in, what the cookie is good for, what nobody gets."""

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from app.page.attempts import MOST
from app.page.routes import PATHS
from app.page.sessions import COOKIE, FILE, PROOF
from app.simulator import Simulator
from tests.live.processes import children
from tests.live.servers import KEY, ROOT, Gateway
from tests.live.test_keys import ASKS, Service

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def house(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gateway of two workers, with the means to make keys."""
    work = tmp_path_factory.mktemp("page")
    path = work / "client-keys.json"
    path.write_text('{"keys": []}')
    gateway = Gateway(
        simulator.url,
        work,
        KIRO_CLIENT_KEYS_FILE=str(path),
        KIRO_TRUSTED_PROXIES="127.0.0.1",
        KIRO_CORS_ORIGINS="https://elsewhere.test",
    )
    yield Service(gateway, path)
    gateway.stop()


@pytest.fixture(autouse=True)
def plain_answers(simulator: Simulator) -> None:
    simulator.reset()


def log_in(house: Service, key: str = KEY, **headers: str) -> requests.Session:
    """A browser's cookies, after logging in."""
    session = requests.Session()
    answer = session.post(
        f"{house.gateway.url}/dashboard/login", {"key": key}, headers=headers, timeout=20
    )
    assert answer.status_code == 200, answer.text
    return session


def view(house: Service, session: requests.Session, path: str = "") -> requests.Response:
    return session.get(f"{house.gateway.url}/dashboard{path}", timeout=20)


def proof_of(page: requests.Response) -> str:
    found = re.search(r'data-proof="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def is_form(page: requests.Response) -> bool:
    return 'id="key"' in page.text


def test_a_browser_is_led_to_the_page_and_a_program_is_not(house: Service) -> None:
    answer = requests.get(f"{house.gateway.url}/", headers=HTML, timeout=20)
    assert answer.url.endswith("/dashboard")
    assert is_form(answer)
    for accept in ("*/*", "application/json"):
        plain = requests.get(f"{house.gateway.url}/", headers={"Accept": accept}, timeout=20)
        assert plain.json()["name"] == "kiro2api"


def test_without_a_session_there_is_only_the_form(house: Service) -> None:
    for path in sorted(PATHS - {"/dashboard/login", "/dashboard/logout", "/dashboard/live"}):
        answer = requests.get(house.gateway.url + path, timeout=20)
        assert answer.status_code == 200
        assert is_form(answer) or "." in path
    for cookie in ("", "x", "WyJLSVJPX0NMSUVOVF9UT0tFTiJd.awnEvQ.8ozSKK5N"):
        live = requests.get(
            f"{house.gateway.url}/dashboard/live", cookies={COOKIE: cookie}, timeout=20
        )
        assert live.status_code == 401


def test_the_cookie(house: Service) -> None:
    answer = requests.post(
        f"{house.gateway.url}/dashboard/login", {"key": KEY}, timeout=20, allow_redirects=False
    )
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    over_tls = requests.post(
        f"{house.gateway.url}/dashboard/login",
        {"key": KEY},
        headers={"X-Forwarded-Proto": "https"},
        timeout=20,
        allow_redirects=False,
    )
    assert "Secure" in over_tls.headers["Set-Cookie"].split("; ")
    key_file = Path(house.gateway.settings["KIRO_TOKEN_CACHE"]) / FILE
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_the_scheme_is_believed_of_the_same_proxies_as_the_client(
    simulator: Simulator, tmp_path: Path
) -> None:
    """nginx in a container beside the gateway's has no loopback address."""
    gateway = Gateway(simulator.url, tmp_path, KIRO_TRUSTED_PROXIES="127.0.0.2, 10.0.0.0/8")
    try:
        assert is_over_tls(gateway, "127.0.0.2")
        assert not is_over_tls(gateway, "127.0.0.1")
    finally:
        gateway.stop()


def is_over_tls(gateway: Gateway, source: str) -> bool:
    """Whether a cookie is for TLS alone if a proxy at this address says that it speaks that."""
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=20, source_address=(source, 0))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-Proto": "https",
    }
    connection.request("POST", "/dashboard/login", f"key={KEY}", headers)
    cookie = connection.getresponse().getheader("Set-Cookie") or ""
    connection.close()
    return "Secure" in cookie.split("; ")


def test_all_workers_know_the_session(house: Service) -> None:
    session = log_in(house)
    for _ in range(20):
        session.headers["Connection"] = "close"
        assert not is_form(view(house, session))


def test_every_answer_has_its_guards(house: Service) -> None:
    session = log_in(house)
    for path in ("", "/requests", "/usage", "/models", "/setup", "/playground", "/page.js"):
        answer = view(house, session, path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=", answer.text)


def test_a_session_ends_when_its_key_is_rotated_or_revoked(house: Service) -> None:
    for name, action in (("ann", "rotate"), ("ben", "revoke")):
        session = log_in(house, house.keys("add", name))
        assert not is_form(view(house, session))
        house.keys(action, name)
        end = time.monotonic() + 20
        while not is_form(view(house, session)):
            assert time.monotonic() < end, f"{action}: the session goes on"
            time.sleep(0.1)


def test_logging_out_needs_the_sessions_own_value(house: Service) -> None:
    session = log_in(house)
    page = view(house, session)
    url = f"{house.gateway.url}/dashboard/logout"
    assert session.post(url, {"proof": "another"}, timeout=20).status_code == 403
    assert not is_form(view(house, session))
    assert is_form(session.post(url, {"proof": proof_of(page)}, timeout=20))
    assert COOKIE not in session.cookies


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.test"}]
)
def test_no_other_site_can_log_a_browser_in(house: Service, headers: dict[str, str]) -> None:
    answer = requests.post(
        f"{house.gateway.url}/dashboard/login", {"key": KEY}, headers=headers, timeout=20
    )
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_the_cookie_alone_calls_no_model(house: Service) -> None:
    session = log_in(house)
    url, body = f"{house.gateway.url}/v1/messages", ASKS["/v1/messages"]
    assert session.post(url, json=body, timeout=20).status_code == 401
    wrong = session.post(url, json=body, headers={PROOF: "another"}, timeout=20)
    assert wrong.status_code == 401
    proof = proof_of(view(house, session, "/playground"))
    assert session.post(url, json=body, headers={PROOF: proof}, timeout=20).status_code == 200
    alone = requests.post(url, json=body, headers={PROOF: proof}, timeout=20)
    assert alone.status_code == 401


def test_the_playground_keeps_to_the_limits_of_its_key(house: Service) -> None:
    key = house.keys("add", "cy", "--model", "claude-haiku-4-5")
    session = log_in(house, key)
    page = view(house, session, "/playground")
    assert "claude-haiku-4-5" in page.text
    assert "claude-sonnet" not in page.text
    answer = session.post(
        f"{house.gateway.url}/v1/messages",
        json=ASKS["/v1/messages"],
        headers={PROOF: proof_of(page)},
        timeout=20,
    )
    assert answer.status_code == 403


def test_no_other_site_reads_the_page(house: Service) -> None:
    session = log_in(house)
    answer = session.get(
        f"{house.gateway.url}/dashboard", headers={"Origin": "https://elsewhere.test"}, timeout=20
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_answers_in_progress_are_listed_for_those_who_may_see_them(
    house: Service, simulator: Simulator
) -> None:
    simulator.script(
        {"text": ["a", "b"], "stall": {"after": 2}}, {"text": ["a"], "stall": {"after": 0}}
    )
    dana = house.keys("add", "dana")
    owner, own, other = log_in(house), log_in(house, dana), log_in(house, house.keys("add", "erik"))
    streaming = ["streaming", "dana", "claude-sonnet-4.5", "anthropic", "127.0.0.1"]
    waiting = ["waiting", "KIRO_CLIENT_TOKEN", "gpt-5", "openai_chat", "127.0.0.1"]
    with contextlib.closing(begin(house, dana, "/v1/messages", model=streaming[2])):
        until(lambda: in_progress(house, owner) == [streaming], "it streams")
        with contextlib.closing(begin(house, KEY, "/v1/chat/completions", model=waiting[2])):
            until(lambda: in_progress(house, owner) == [streaming, waiting], "one waits")
            time.sleep(2)  # each worker shows what it knows for a moment
            assert in_progress(house, own) == [streaming]
            assert in_progress(house, other) == []
            assert "In progress: 2" in view(house, owner, "/requests").text
            assert "In progress: 1" in view(house, own, "/requests").text
    until(lambda: in_progress(house, owner) == [], "both are over")


def test_a_worker_that_was_killed_has_nothing_in_progress(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script({"text": ["a", "b"], "stall": {"after": 2}})
    gateway = Gateway(simulator.url, tmp_path, WEB_CONCURRENCY="1", KIRO_METRICS="0")
    house = Service(gateway, tmp_path / "none")

    def shows_none() -> bool:
        try:
            return not in_progress(house, session)
        except requests.ConnectionError:  # there is no worker
            return False

    try:
        with contextlib.closing(begin(house, KEY, "/v1/messages")):
            session = log_in(house)
            until(lambda: len(in_progress(house, session)) == 1, "it is in progress")
            os.kill(children(gateway.process.pid)[0], signal.SIGKILL)
            until(shows_none, "none is")
    finally:
        gateway.stop()


def begin(house: Service, key: str, path: str, **members: Any) -> HTTPConnection:
    """A connection with a request for a stream, whose answer nobody reads."""
    connection = HTTPConnection(urlsplit(house.gateway.url).netloc, timeout=20)
    body = json.dumps(ASKS[path] | members | {"stream": True})
    headers = {"x-api-key": key, "Content-Type": "application/json"}
    connection.request("POST", path, body, headers)
    return connection


def in_progress(house: Service, session: requests.Session) -> list[list[str]]:
    """The cells of the answers in progress, without times."""
    shown = view(house, session, "/requests").text
    section = shown[shown.index('id="in-progress"') :].partition("</section>")[0]
    rows = re.findall(r"<tr><td>.*?</tr>", section)
    assert all(re.search(r'<td class="number" data-since="\d+\.\d+">', row) for row in rows)
    return [re.sub(r"<[^>]+>+", " ", row).split()[2:] for row in rows]


def until(look: Callable[[], bool], otherwise: str) -> None:
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)


def test_wrong_keys_are_limited(house: Service) -> None:
    where = {"X-Forwarded-For": "203.0.113.9", "Connection": "close"}
    url = f"{house.gateway.url}/dashboard/login"
    workers = int(house.gateway.settings["WEB_CONCURRENCY"])
    seen = [
        requests.post(url, {"key": "guess"}, headers=where, timeout=20).status_code
        for _ in range(MOST * workers + 1)
    ]
    assert set(seen) == {403, 429}
    log_in(house)  # another address


def test_what_is_shown_is_escaped_and_holds_no_secret(house: Service) -> None:
    model = "<script>alert(1)</script>"
    assert house.ask(KEY, model=model).status_code == 200
    session = log_in(house)
    end = time.monotonic() + 20
    while "&lt;script&gt;alert" not in (shown := view(house, session, "/requests").text):
        assert time.monotonic() < end, shown
        time.sleep(0.1)
    assert model not in shown
    for path in ("", "/requests", "/usage", "/setup"):
        text = view(house, session, path).text
        assert KEY not in text
        assert house.gateway.settings["AWS_REFRESHTOKEN"] not in text


def test_an_open_page_does_not_delay_the_stop(simulator: Simulator, tmp_path: Path) -> None:
    gateway = Gateway(simulator.url, tmp_path, WEB_CONCURRENCY="1")
    session = log_in(Service(gateway, tmp_path / "none"))
    with session.get(f"{gateway.url}/dashboard/live", stream=True, timeout=20) as stream:
        assert next(stream.iter_lines()).startswith(b"retry")
        begun = time.monotonic()
        gateway.stop()
        assert time.monotonic() - begun < 10  # an answer would have thirty seconds


def test_nothing_is_kept_says_so(simulator: Simulator, tmp_path: Path) -> None:
    gateway = Gateway(simulator.url, tmp_path, WEB_CONCURRENCY="1", KIRO_USAGE_DAYS="0")
    try:
        house = Service(gateway, tmp_path / "none")
        session = log_in(house)
        for path in ("", "/requests", "/usage"):
            assert "KIRO_USAGE_DAYS is 0" in view(house, session, path).text
    finally:
        gateway.stop()


def test_nobody_looks_and_nothing_is_loaded() -> None:
    code = (
        "import sys\n"
        "from app.application import create_app\n"
        "print([name for name in sys.modules if name.startswith('app.page.')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in ("desk", "rendering", "texts", "reasons", "views", "charts"):
        assert f"app.page.{name}'" not in done.stdout
