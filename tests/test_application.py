"""What the master loads: all that its workers then share, and no more than the settings ask for."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from app.application import create_app, preload
from app.common.tls import tls_context
from app.settings import Settings

ROOT = Path(__file__).parent.parent
MODULES = """
import sys
import gevent
from gevent import monkey
monkey.patch_all()
import app.server.worker  # as gunicorn's master does
from app.application import create_app, preload, prepare_kept
from app.settings.process import load
settings = load()
preload(settings)
prepare_kept(settings)
preloaded = set(sys.modules)
create_app(settings)
gevent.get_hub().threadpool  # of the first look-up of a name
print(*preloaded)
print(*sys.modules.keys() - preloaded)
"""
FIGURES = {"prometheus_client"}
TRACES = {"opentelemetry", "google.protobuf"}


@pytest.fixture
def loaded(tmp_path):
    """(the modules that the master loads, those that each worker then loads for itself)."""

    def run(**environ: str) -> tuple[set[str], set[str]]:
        login = {"AWS_REFRESHTOKEN": "x" * 200, "HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", MODULES],
            cwd=ROOT,
            env=login | environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        )
        master, worker = done.stdout.splitlines()
        return set(master.split()), set(worker.split())

    return run


ON_DEMAND = {"asyncio", "cryptography"}  # the latter for the first response that is kept
COMMANDS = {"app.doctor", "app.load", "app.simulator", "app.client_setup", "app.__main__"}


def test_by_default_nothing_that_only_a_setting_needs_is_loaded(loaded):
    master, worker = loaded()
    assert "flask" in master
    assert master & (ON_DEMAND | COMMANDS | TRACES | {"redis"}) == set()
    assert worker == set()


def test_workers_share_what_counts_for_prometheus(loaded):
    master, worker = loaded()
    assert master >= FIGURES
    master, worker = loaded(KIRO_METRICS="false")
    assert master & FIGURES == set()
    assert worker == set()


def test_workers_share_what_makes_spans(loaded):
    master, worker = loaded(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert master >= TRACES
    assert worker == set()


def test_what_keeps_responses_and_usage_is_not_loaded_if_none_are_kept(loaded):
    master, worker = loaded(KIRO_RESPONSES_TTL="0", KIRO_USAGE_DAYS="0")
    assert master & {"sqlite3", "cryptography"} == set()
    assert worker == set()


def test_workers_share_what_keeps_the_budgets_of_keys(loaded, tmp_path):
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    master, worker = loaded(KIRO_CLIENT_KEYS_FILE=str(keys))
    assert master >= {"sqlite3"}
    assert "asyncio" not in master
    assert worker == set()


def test_workers_share_the_certificate_authorities(monkeypatch, tmp_path):
    made = []
    original = ssl.create_default_context

    def create() -> ssl.SSLContext:
        made.append(1)
        return original()

    monkeypatch.setattr(ssl, "create_default_context", create)
    settings = Settings(aws_refreshtoken="x" * 200, kiro_token_cache=tmp_path)
    tls_context.cache_clear()
    preload(settings)
    assert made == [1]
    create_app(settings)
    assert made == [1]
