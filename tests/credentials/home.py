"""A home directory with logins in it, and the choice that the credential chain makes there."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from app.credentials.model import Login
from app.credentials.sources import chain
from app.settings import Settings
from tests.credentials.service import refresh_token

LONG = refresh_token(1)

PROFILE = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"


def choose(**environ: str) -> chain.Choice:
    settings = Settings.from_env({"HOME": os.environ["HOME"], **environ}, "/nonexistent/.env")
    return chain.choose(chain.from_settings(settings))


def the_login(choice: chain.Choice) -> Login:
    assert choice.result.problems == []
    (login,) = choice.result.logins
    return login


def write_token_file(home: Path, **members: object) -> Path:
    path = home / ".aws" / "sso" / "cache" / "kiro-auth-token.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"refreshToken": LONG} | members))
    return path


def write_database(home: Path, product: str, rows: dict[str, Any], **state: Any) -> Path:
    path = home / ".local" / "share" / product / "data.sqlite3"
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)")
        database.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB)")
        for key, value in rows.items():
            database.execute("INSERT INTO auth_kv VALUES (?, ?)", (key, json.dumps(value)))
        for key, value in state.items():
            blob = json.dumps(value).encode()
            database.execute("INSERT INTO state VALUES (?, ?)", (key.replace("_", "."), blob))
    database.close()
    return path
