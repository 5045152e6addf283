"""The programs that read what deploy/ has understand it, as far as they are to be had here."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from app.server.worker import QUIET
from app.settings import Settings
from app.version import __version__
from tests.live.servers import ROOT

DEPLOY = ROOT / "deploy"
COMPOSE_SPEC = json.loads((Path(__file__).parent / "compose_spec.json").read_text())
"""The schema of compose files that docker-compose 1.29.2 ships (Apache License 2.0)."""


def run(program: str, *arguments: str) -> str:
    """What a program prints; the test is skipped where it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run(
        [path, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """With its variables filled in: those without a default are "x"."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "docker-compose.yml").read_text())
    found: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:\?[^}]*\}", "x", text))
    return found


def test_the_compose_file_follows_its_schema(compose):
    jsonschema.Draft7Validator(COMPOSE_SPEC).validate(compose)


def test_every_file_that_the_compose_file_mounts_is_there(compose):
    mounted = [
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", ())
        if volume.startswith("./")
    ]
    assert mounted
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_the_compose_file_sets_only_settings(compose):
    given = compose["services"]["kiro2api"]["environment"]
    assert set(given) <= set(names_of_settings())


def names_of_settings() -> list[str]:
    return [name.upper() for name in Settings.__dataclass_fields__]


def test_both_configurations_of_nginx_do_the_same():
    def location(name: str) -> str:
        text = (DEPLOY / "nginx" / name).read_text()
        return text[text.index("    client_max_body_size") :]

    assert location("kiro2api.conf") == location("compose.conf")


@pytest.mark.parametrize("name", ["nginx/kiro2api.conf", "nginx/compose.conf", "Caddyfile"])
def test_no_front_keeps_a_connection_until_a_gateway_that_stops_ends_it(name):
    [kept] = re.findall(r"^\s+keepalive(?:_timeout)? (\d+)ms", (DEPLOY / name).read_text(), re.M)
    assert int(kept) / 1000 <= QUIET / 2


def test_caddy_understands_its_file():
    run("caddy", "validate", "--adapter", "caddyfile", "--config", "deploy/Caddyfile")


class TestSystemd:
    UNIT = DEPLOY / "systemd" / "kiro2api.service"

    def test_the_units_are_understood(self, tmp_path):
        unit = self.UNIT.read_text().replace("/opt/kiro2api/bin/kiro2api", "/bin/true")
        (tmp_path / self.UNIT.name).write_text(unit)
        shutil.copy(DEPLOY / "systemd" / "kiro2api.socket", tmp_path)
        assert run("systemd-analyze", "verify", str(tmp_path / self.UNIT.name)) == ""

    def test_it_is_as_hardened_as_the_docs_say(self):
        printed = run("systemd-analyze", "security", "--offline=yes", str(self.UNIT))
        found = re.search(r"exposure level for kiro2api.service: ([\d.]+)", printed)
        told = re.search(r"exposure level of ([\d.]+)", (ROOT / "docs/operations.md").read_text())
        assert found
        assert told
        assert found[1] == told[1]


@pytest.fixture(scope="module")
def manifests() -> str:
    return run("kubectl", "kustomize", "deploy/kubernetes")


class TestKubernetes:
    def test_they_follow_the_schemas(self, manifests):
        for manifest in yaml.safe_load_all(manifests):
            kubernetes_validate.validate(manifest, "1.37", strict=True)

    def test_they_ask_for_the_image_of_this_version(self, manifests):
        """Which .github/workflows/release.yml tags so."""
        assert f"image: registry.example.com/kiro2api:{__version__}\n" in manifests

    def test_the_grace_is_longer_than_the_drain(self, manifests):
        [deployment] = [m for m in yaml.safe_load_all(manifests) if m["kind"] == "Deployment"]
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        environ = {each["name"]: each["value"] for each in container["env"]}
        pause = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
        drain = float(environ["KIRO_GRACEFUL_TIMEOUT"])
        assert pod["terminationGracePeriodSeconds"] > pause + drain
        known = {*names_of_settings(), *(f"{name}_FILE" for name in names_of_settings())}
        assert set(environ) <= known
