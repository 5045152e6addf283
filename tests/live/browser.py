"""A headless Chromium, driven by Debian's chromedriver in the protocol WebDriver (W3C)."""

import base64
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.live.servers import free_port

T = TypeVar("T")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
WAIT = 30.0
"""Seconds for what the page does by itself."""


class Stale(Exception):
    """The element was replaced meanwhile."""


class Browser:
    """One window with its own cookies. ``stop`` it."""

    def __init__(self, *, language: str = "en") -> None:
        port = free_port()
        self._driver = subprocess.Popen(
            [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._url = f"http://127.0.0.1:{port}"
        try:
            self._wait_for_driver()
            self._begin(language)
        except BaseException:
            self._driver.kill()
            self._driver.wait()
            raise

    def _wait_for_driver(self) -> None:
        end = time.monotonic() + WAIT
        while True:
            try:
                requests.get(f"{self._url}/status", timeout=5)
                return
            except requests.ConnectionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def _begin(self, language: str) -> None:
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--force-color-profile=srgb", "--hide-scrollbars",
        ]  # fmt: skip
        options = {
            "binary": CHROMIUM,
            "args": arguments,
            "prefs": {"intl.accept_languages": language},
        }
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        begun = self._send("POST", f"{self._url}/session", {"capabilities": wanted})
        self._url = f"{self._url}/session/{begun['sessionId']}"
        self.size(1200, 860)

    def stop(self) -> None:
        """Close the window and end the driver."""
        try:
            self._send("DELETE", self._url)
        finally:
            self._driver.terminate()
            self._driver.wait(15)

    def open(self, url: str) -> None:
        """Load an address."""
        self._post("url", url=url)

    def size(self, width: int, height: int) -> None:
        """The window's, in CSS pixels."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def theme(self, name: str) -> None:
        """``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self._post("goog/cdp/execute", cmd=command, params=parameters)

    def find(self, css: str) -> str:
        """The first element, as soon as it is there."""
        return str(self.until(lambda: self._find(css), css)[ELEMENT])

    def _find(self, css: str) -> Any:
        found = self._post("elements", using="css selector", value=css)
        return found[0] if found else None

    def click(self, css: str) -> None:
        """As soon as it is there; live content may be replaced in between."""

        def clicked() -> bool:
            found = self.find(css)
            try:
                self._post(f"element/{found}/click")
            except Stale:
                return False
            return True

        self.until(clicked, f"a click on {css}")

    def type(self, css: str, text: str) -> None:
        self._post(f"element/{self.find(css)}/value", text=text)

    def keys(self, keys: str) -> None:
        """Press keys where the focus is."""
        actions = []
        for key in keys:
            actions += [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._post("actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def text(self, css: str = "body") -> str:
        """What a person reads there."""

        def read() -> list[str] | None:
            found = self.find(css)
            try:
                return [str(self._send("GET", f"{self._url}/element/{found}/text"))]
            except Stale:
                return None

        return self.until(read, f"the text of {css}")[0]

    def run(self, script: str, *arguments: Any) -> Any:
        """The value that a script returns."""
        return self._post("execute/sync", script=script, args=list(arguments))

    def run_later(self, script: str) -> Any:
        """The value with which a script calls its last argument."""
        return self._post("execute/async", script=script, args=[])

    def until(self, look: Callable[[], T | None], what: str) -> T:
        """What ``look`` gives, once it does."""
        end = time.monotonic() + WAIT
        while not (found := look()):
            assert time.monotonic() < end, f"{what} did not come about:\n{self.run(_SHOWN)}"
            time.sleep(0.05)
        return found

    def wait_for_text(self, text: str, css: str = "body") -> None:
        """Until a person reads it there."""
        self.until(lambda: text in self.text(css), f"{text!r} in {css}")

    def picture(self, path: Path) -> None:
        """Write what is to be seen into a PNG, smaller than it is."""
        width, height = self.run("return [innerWidth, innerHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 0.7}
        taken = self.devtools("Page.captureScreenshot", format="png", clip=clip)
        path.write_bytes(base64.b64decode(taken["data"]))

    def violations(self, axe: Path) -> list[str]:
        """What axe-core finds wrong with the page, a line each."""
        self.run(axe.read_text(encoding="utf-8"))
        done = self.run_later("axe.run(document).then(arguments[arguments.length - 1])")
        return [
            f"{found['id']}: {found['help']}: {node['html'][:200]} {node['failureSummary']}"
            for found in done["violations"]
            for node in found["nodes"]
        ]

    def _post(self, action: str, **body: Any) -> Any:
        return self._send("POST", f"{self._url}/{action}", body)

    def _send(self, method: str, url: str, body: Any = None) -> Any:
        answer = requests.request(method, url, json=body, timeout=60)
        value = answer.json()["value"]
        if not answer.ok and value["error"] == "stale element reference":
            raise Stale
        assert answer.ok, f"{value['error']}: {value['message']}"
        return value


_SHOWN = "return document.body ? document.body.innerText.slice(0, 3000) : ''"


def axe_core() -> Path | None:
    """axe-core's script, where `.ci/run` or ``AXE_CORE`` puts it."""
    given = os.environ.get("AXE_CORE", "")
    path = Path(given or Path.home() / ".cache" / "kiro2api-tests" / "axe.min.js")
    return path if path.is_file() else None
