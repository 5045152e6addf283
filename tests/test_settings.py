"""Settings: where they come from, what is refused and how it is said, what the docs say of them."""

from __future__ import annotations

import ast
import io
import itertools
import re
import resource
import sys
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from app.settings import Settings, SettingsError, docs, setting_fields, variable
from app.settings.historic import HISTORIC
from app.settings.process import check_exposure, connections, current, load, log_config

ROOT = Path(__file__).parent.parent
NOWHERE = "/nonexistent/.env"
DEFAULTS = {
    "KIRO_CLIENT_TOKEN": "123456",
    "HOST": "127.0.0.1",
    "PORT": 8080,
    "LOG_FORMAT": "auto",
    "LOG_FILE": None,
    "KIRO_TOKEN_FILE": Path.home() / ".aws/sso/cache/kiro-auth-token.json",
    "KIRO_TOKEN_CACHE": Path.home() / ".local/state/kiro2api",
    "KIRO_CORS_ORIGINS": (),
    "KIRO_MODELS": {},
    "MAX_BODY_BYTES": 32 * 1024 * 1024,
    "MAX_TOOL_DESCRIPTION_LENGTH": 10000,
    "KIRO_CONNECT_TIMEOUT": 10,
    "KIRO_FIRST_EVENT_TIMEOUT": 300,
    "KIRO_IDLE_TIMEOUT": 300,
    "KIRO_TOTAL_TIMEOUT": None,
    "KIRO_EARLY_HEADERS": 10,
    "KIRO_PING_INTERVAL": 15,
    "KIRO_CLIENT_STALL": 60,
    "KIRO_GRACEFUL_TIMEOUT": 30,
    "KIRO_MAX_STREAMS": 1000,
}


def settings(**environ: str) -> Settings:
    return Settings.from_env(environ, NOWHERE)


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(**environ)
    return caught.value.problems


WriteDotenv = Callable[[str], Path]


@pytest.fixture
def dotenv(tmp_path: Path) -> WriteDotenv:
    def write(text: str) -> Path:
        path = tmp_path / ".env"
        path.write_text(text, encoding="utf-8")
        return path

    return write


class TestValues:
    @pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
    def test_default(self, name: str, value: object) -> None:
        assert getattr(settings(), name.lower()) == value

    def test_workers_are_two_to_four(self) -> None:
        assert 2 <= settings().web_concurrency <= 4

    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("PORT", " 9000\n", 9000),
            ("PORT", "", 8080),
            ("LOG_LEVEL", "WARN", "warning"),
            ("LOG_FORMAT", "Text", "text"),
            ("KIRO_TOTAL_TIMEOUT", "1.5", 1.5),
            ("KIRO_TOTAL_TIMEOUT", "OFF", None),
            ("KIRO_TOKEN_FILE", "~/login.json", Path.home() / "login.json"),
            ("KIRO_API_URL", "Kiro", "kiro"),
            ("KIRO_API_URL", "http://127.0.0.1:9001/", "http://127.0.0.1:9001"),
            ("KIRO_UPSTREAM_PROXY", "socks5h://u:p@127.0.0.1:9000", "socks5h://u:p@127.0.0.1:9000"),
            ("KIRO_CORS_ORIGINS", "https://a.example, *", ("https://a.example", "*")),
            ("KIRO_MODELS", "fast = claude-haiku-4-5,", {"fast": "claude-haiku-4-5"}),
            ("KIRO_MODELS", "new = claude-fable-9", {"new": "claude-fable-9"}),
            ("KIRO_DEFAULT_MODEL", "claude-fable-9", "claude-fable-9"),
            ("KIRO_DEFAULT_MODEL", "anthropic/claude-opus-4.6", "anthropic/claude-opus-4.6"),
            ("KIRO_REGION", "eu-central-1", "eu-central-1"),
            ("KIRO_CLIENT_TOKEN", " two words~! ", "two words~!"),
            ("KIRO_CLIENT_TOKEN", "k" * 4096, "k" * 4096),
            ("KIRO_AUTH_TOKEN", '{"refreshToken": "${HOME}"}', '{"refreshToken": "${HOME}"}'),
            ("KIRO_MAX_CONNECTIONS_PER_ADDRESS", "0", 0),
            ("KIRO_TRUSTED_PROXIES", "10.0.0.0/8, unix", (ip_network("10.0.0.0/8"), "unix")),
            ("KIRO_TRUSTED_PROXIES", "2001:db8::1,", (ip_network("2001:db8::1/128"),)),
        ],
    )
    def test_understood(self, name: str, text: str, value: object) -> None:
        assert getattr(settings(**{name: text}), name.lower()) == value

    @pytest.mark.parametrize(
        ("name", "text", "allowed"),
        [
            ("KIRO_CLIENT_TOKEN", "clé", "printable ASCII"),
            ("KIRO_CLIENT_TOKEN", "two\nlines", "printable ASCII"),
            ("KIRO_CLIENT_TOKEN", "a\x7fb", "never match the header of a client"),
            ("KIRO_CLIENT_TOKEN", "k" * 4097, "1 to 4096"),
            ("PORT", "0", "from 1 to 65535"),
            ("PORT", "65536", "from 1 to 65535"),
            ("PORT", "80_80", "from 1 to 65535"),
            ("PORT", "８０", "from 1 to 65535"),
            ("WEB_CONCURRENCY", "-1", "from 1 to 64"),
            ("LOG_LEVEL", "loud", "debug, info, warning or error"),
            ("LOG_CONSOLE", "maybe", "true or false"),
            ("LOG_FILE", "/nonexistent/log", "in a directory that exists"),
            ("LOG_FILE", "/", "the path of a file"),
            ("KIRO_IDLE_TIMEOUT", "nan", "from 0.1 to 3600"),
            ("KIRO_IDLE_TIMEOUT", "off", "from 0.1 to 3600"),
            ("KIRO_TOTAL_TIMEOUT", "0", "off, or a number of seconds"),
            ("KIRO_API_URL", "newest", "codewhisperer, q or kiro, or an http or https URL"),
            ("KIRO_API_URL", "https://u@h", "codewhisperer, q or kiro"),
            ("KIRO_AUTH_URL", "https://", "an http or https URL"),
            ("KIRO_AUTH_URL", "https://h:99999", "an http or https URL"),
            ("KIRO_AUTH_URL", "https://h/?q=1", "an http or https URL"),
            ("KIRO_UPSTREAM_PROXY", "127.0.0.1:9000", "http, https, socks5 or socks5h"),
            ("KIRO_CORS_ORIGINS", "https://a.example/page", "origins such as"),
            ("KIRO_MODELS", "fast", "alias=model"),
            ("KIRO_MODELS", "fast=", "alias=model"),
            ("KIRO_MODELS", "=claude-haiku-4-5", "alias=model"),
            ("KIRO_MODELS", "a=glm-5, fast=claude haiku", "each model a name or an id"),
            ("KIRO_DEFAULT_MODEL", "no such/model!", "letters, digits, _ : . -"),
            ("KIRO_REGION", "Frankfurt", "such as us-east-1"),
            ("KIRO_MAX_CONNECTIONS_PER_ADDRESS", "-1", "from 0 to 100000"),
            ("KIRO_TRUSTED_PROXIES", "localhost", "addresses and networks such as 10.0.0.0/8"),
            ("KIRO_TRUSTED_PROXIES", "10.0.0.1/8", "addresses and networks such as 10.0.0.0/8"),
        ],
    )
    def test_refused_naming_variable_and_allowed(self, name: str, text: str, allowed: str) -> None:
        (problem,) = problems(**{name: text})
        assert problem.startswith(f"{name}: found ")
        assert allowed in problem.partition(", allowed: ")[2]

    def test_what_was_found_is_shown(self) -> None:
        assert "found 'http' in the environment" in problems(PORT="http")[0]

    def test_every_problem_at_once(self) -> None:
        found = problems(PORT="http", KIRO_PING_INTERVAL="never", KIRO_REGION="x")
        names = [problem.partition(":")[0] for problem in found]
        assert sorted(names) == ["KIRO_PING_INTERVAL", "KIRO_REGION", "PORT"]

    def test_console_may_be_off_only_with_a_file(self, tmp_path: Path) -> None:
        assert "only together with LOG_FILE" in problems(LOG_CONSOLE="false")[0]
        assert not settings(LOG_CONSOLE="false", LOG_FILE=str(tmp_path / "log")).log_console


class TestSecrets:
    SECRETS = ("KIRO_CLIENT_TOKEN", "KIRO_AUTH_TOKEN", "AWS_REFRESHTOKEN", "KIRO_UPSTREAM_PROXY")

    def test_not_in_repr(self) -> None:
        environ = dict.fromkeys(self.SECRETS, "http://canary:canary@canary")
        assert "canary" not in repr(settings(**environ))

    def test_not_in_errors(self) -> None:
        (problem,) = problems(KIRO_UPSTREAM_PROXY="ftp://user:canary@host")
        assert "canary" not in problem
        assert "22 hidden characters" in problem

    def test_no_variable_that_sounds_secret_is_shown(self) -> None:
        shown = {variable(item) for item in setting_fields() if not item.metadata["secret"]}
        named = {name for name in shown if re.search("TOKEN$|SECRET|KEY", name)}
        assert {name for name in named if not name.endswith("_FILE")} == set()


class TestSources:
    def test_environment_wins_over_dotenv(self, dotenv: WriteDotenv) -> None:
        path = dotenv("PORT=9000\nHOST=::1\n")
        found = Settings.from_env({"PORT": "7000"}, path)
        assert (found.port, found.host) == (7000, "::1")

    def test_empty_variable_hides_dotenv(self, dotenv: WriteDotenv) -> None:
        assert Settings.from_env({"PORT": ""}, dotenv("PORT=9000")).port == 8080

    def test_environment_is_not_changed(self, dotenv: WriteDotenv) -> None:
        environ = {"HOST": "::1"}
        Settings.from_env(environ, dotenv("PORT=9000\nDEBUG=1"))
        assert environ == {"HOST": "::1"}

    def test_values_are_literal(self, dotenv: WriteDotenv) -> None:
        path = dotenv("AWS_REFRESHTOKEN='a${HOME}#b'\nKIRO_AUTH_TOKEN='{\n\"a\": 1}'")
        found = Settings.from_env({}, path)
        assert found.aws_refreshtoken == "a${HOME}#b"
        assert found.kiro_auth_token == '{\n"a": 1}'

    def test_a_file_of_windows_is_understood(self, dotenv: WriteDotenv) -> None:
        assert Settings.from_env({}, dotenv("\ufeffPORT=9000\r\nHOST=::1\r\n")).port == 9000

    @pytest.mark.parametrize("line", ["HOST", '"refreshToken": "canary",', "HOST='::1"])
    def test_problems_name_the_line(self, dotenv: WriteDotenv, line: str) -> None:
        with pytest.raises(SettingsError) as caught:
            Settings.from_env({}, dotenv(f"# one\nPORT=x\n{line}\n"))
        line_3, line_2 = caught.value.problems
        assert ".env line 3: not understood" in line_3
        assert "canary" not in line_3
        assert line_2.startswith("PORT: found 'x' in ")
        assert ".env line 2, allowed" in line_2

    def test_unreadable_file_is_a_problem(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
            Settings.from_env({}, tmp_path)


class TestWarnings:
    def test_typo_names_the_nearest(self) -> None:
        (warning,) = settings(KIRO_IDLE_TIMEOT="3").warnings
        assert warning.startswith("KIRO_IDLE_TIMEOT (in the environment)")
        assert warning.endswith("did you mean KIRO_IDLE_TIMEOUT?")

    def test_foreign_variable_only_matters_in_dotenv(self, dotenv: WriteDotenv) -> None:
        assert settings(PRT="1", PATH="/bin").warnings == ()
        (warning,) = Settings.from_env({}, dotenv("PRT=9000")).warnings
        assert warning.endswith("did you mean PORT?")

    @pytest.mark.parametrize("name", HISTORIC)
    def test_each_historic_variable_is_named(self, name: str) -> None:
        (warning,) = settings(**{name: "canary"}).warnings
        assert warning.startswith(f"{name} (in the environment): ")
        assert "canary" not in warning

    def test_historic_is_no_setting(self) -> None:
        assert not HISTORIC.keys() & {variable(item) for item in setting_fields()}

    @pytest.mark.parametrize(("text", "level"), [("1", "debug"), ("True", "debug"), ("0", "error")])
    def test_debug_is_honoured(self, text: str, level: str) -> None:
        assert settings(DEBUG=text, LOG_LEVEL="error").log_level == level


class TestExposure:
    OWN = Settings(kiro_client_token="of my own")

    @pytest.mark.parametrize(
        "binds",
        [[("127.0.0.1", 8080)], [("::1", 8080, 0, 0)], [("localhost", 1)], ["/run/k.sock"], []],
    )
    def test_default_key_is_warned_about_on_loopback(self, binds: list[Any]) -> None:
        assert "set KIRO_CLIENT_TOKEN" in check_exposure(Settings(), binds)
        assert check_exposure(self.OWN, binds) == ""

    @pytest.mark.parametrize(
        "host", ["0.0.0.0", "", "::", "192.0.2.1", "box.lan", "127.0.0.1.evil"]
    )
    def test_default_key_is_refused_elsewhere(self, host: str) -> None:
        for token in ("", "123456"):
            with pytest.raises(SettingsError, match="KIRO_CLIENT_TOKEN: found 123456"):
                check_exposure(
                    settings(KIRO_CLIENT_TOKEN=token), [("127.0.0.1", 8080), (host, 8080)]
                )
        assert check_exposure(self.OWN, [(host, 8080)]) == ""
        assert check_exposure(settings(KIRO_CLIENT_KEYS_FILE="keys.json"), [(host, 8080)]) == ""

    def test_the_default_key_does_not_work_at_the_metrics_port(self) -> None:
        binds = [("127.0.0.1", 8080), ("0.0.0.0", 9102)]
        found = settings(KIRO_METRICS_BIND="0.0.0.0:9102")
        assert "set KIRO_CLIENT_TOKEN" in check_exposure(found, binds)
        with pytest.raises(SettingsError):
            check_exposure(settings(), binds)

    def test_the_metrics_have_a_port_of_their_own(self) -> None:
        with pytest.raises(SettingsError, match="KIRO_METRICS_BIND: found port 8080"):
            settings(KIRO_METRICS_BIND="127.0.0.1:8080")

    def test_the_default_key_is_none_beside_other_keys(self) -> None:
        assert settings(KIRO_CLIENT_KEYS_FILE="keys.json").owner_key is None
        both = settings(KIRO_CLIENT_KEYS_FILE="keys.json", KIRO_CLIENT_TOKEN="of my own")
        assert both.owner_key == "of my own"
        assert settings().owner_key == "123456"


def port_in_use() -> int:
    settings = current()
    assert settings is not None
    return settings.port


class TestCurrent:
    @pytest.fixture(autouse=True)
    def alone(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("app.settings.process._current", None)
        monkeypatch.chdir(tmp_path)

    def test_is_what_was_loaded_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert current() is None
        monkeypatch.setenv("PORT", "7001")
        assert load() is current()
        monkeypatch.setenv("PORT", "7002")
        assert port_in_use() == 7001
        assert load().port == 7002
        assert port_in_use() == 7002

    def test_stays_when_loading_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = load()
        monkeypatch.setenv("PORT", "x")
        with pytest.raises(SettingsError):
            load()
        assert current() is before


class TestLogConfig:
    def test_handlers(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        assert list(log_config(Settings())["handlers"]) == ["console"]
        assert list(log_config(Settings(log_file=log))["handlers"]) == ["console", "file"]
        quiet = log_config(Settings(log_file=log, log_console=False))
        assert quiet["root"]["handlers"] == ["file"]

    @pytest.mark.parametrize(
        ("log_format", "is_terminal", "console", "file"),
        [
            ("auto", True, "text", "json"),
            ("auto", False, "json", "json"),
            ("json", True, "json", "json"),
            ("text", False, "text", "text"),
        ],
    )
    def test_a_person_gets_text(
        self,
        monkeypatch: pytest.MonkeyPatch,
        log_format: str,
        is_terminal: bool,
        console: str,
        file: str,
    ) -> None:
        class Stderr(io.StringIO):
            def isatty(self) -> bool:
                return is_terminal

        monkeypatch.setattr(sys, "stderr", Stderr())
        handlers = log_config(Settings(log_format=log_format, log_file=Path("log")))["handlers"]
        assert (handlers["console"]["formatter"], handlers["file"]["formatter"]) == (console, file)

    def test_without_stderr(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stderr", None)
        assert log_config(Settings())["handlers"]["console"]["formatter"] == "json"

    def test_debug_is_for_our_own_logs(self) -> None:
        config = log_config(Settings(log_level="debug"))
        assert config["loggers"]["kiro2api"]["level"] == "DEBUG"
        assert config["root"]["level"] == "INFO"


class TestTokenStore:
    KEY = "A" * 43 + "="

    @pytest.mark.parametrize(
        "url", ["redis://h", "rediss://u:p@h:6379/1", "unix:///run/redis.sock", "redis://[::1]:1"]
    )
    def test_urls_of_redis(self, url: str) -> None:
        found = settings(KIRO_TOKEN_STORE=url, KIRO_STORE_KEY=self.KEY)
        assert (found.kiro_token_store, found.kiro_store_key) == (url, self.KEY)
        assert found.warnings == ()

    @pytest.mark.parametrize("url", ["h:6379", "http://h", "redis://", "redis://h:0"])
    def test_other_urls_are_refused_and_not_shown(self, url: str) -> None:
        (problem,) = problems(KIRO_TOKEN_STORE=url)
        assert problem.startswith("KIRO_TOKEN_STORE: found")
        assert url not in problem.partition("allowed")[0]

    def test_a_key_without_a_store_is_a_warning(self) -> None:
        assert settings(KIRO_STORE_KEY=self.KEY).warnings == (
            "KIRO_STORE_KEY has no effect without KIRO_TOKEN_STORE",
        )


class TestSecretFiles:
    def test_a_secret_is_read_from_the_file_that_stands_for_it(self, tmp_path: Path) -> None:
        path = tmp_path / "key"
        path.write_text("from-the-file\n")
        found = settings(KIRO_CLIENT_TOKEN_FILE=str(path))
        assert found.kiro_client_token == "from-the-file"
        assert found.secret_files == {"KIRO_CLIENT_TOKEN": path}
        assert found.warnings == ()

    def test_a_file_that_is_missing_and_a_secret_given_twice_are_problems(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "key").write_text("x")
        missing, reason = tmp_path / "nothing", "No such file or directory"
        assert problems(
            KIRO_CLIENT_TOKEN_FILE=str(missing),
            AWS_REFRESHTOKEN="secret",
            AWS_REFRESHTOKEN_FILE=str(tmp_path / "key"),
        ) == [
            f"KIRO_CLIENT_TOKEN_FILE: found '{missing}' in the environment: {reason}",
            "AWS_REFRESHTOKEN and AWS_REFRESHTOKEN_FILE are both set, allowed: one of them",
        ]


def names_used(path: Path) -> set[str]:
    """The attributes that a file reads, and the constants in it, as text."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return attributes | {str(node.value) for node in nodes if isinstance(node, ast.Constant)}


def test_every_setting_is_read():
    """By what is not its declaration: ``bind`` and ``owner_key`` read three of them."""
    readers = [path for path in (ROOT / "app").rglob("*.py") if path.parent.name != "settings"]
    readers += [ROOT / "gunicorn.conf.py", ROOT / "app" / "settings" / "process.py"]
    used = set().union(*map(names_used, readers))
    used |= {"host", "port", "kiro_client_token"} if {"bind", "owner_key"} <= used else set()
    assert {item.name for item in setting_fields()} - used == set()


class TestDocs:
    @pytest.mark.parametrize(
        ("path", "render"),
        [("docs/settings.md", docs.markdown), (".env.example", docs.env_example)],
    )
    def test_generated_files_are_up_to_date(self, path: str, render: Callable[[], str]) -> None:
        assert (ROOT / path).read_text(encoding="utf-8") == render(), "run `make docs`"

    def test_table_has_every_variable_and_equal_columns(self) -> None:
        rows = [line for line in docs.markdown().splitlines() if line.startswith("|")]
        for variable_name in itertools.chain(map(variable, setting_fields()), HISTORIC):
            assert sum(row.startswith(f"| `{variable_name}` |") for row in rows) == 1
        assert {row.count("|") for row in rows} == {5, 3}

    def test_example_uncommented_changes_nothing(self) -> None:
        uncommented = re.sub(r"^#(?=[A-Z_]+=)", "", docs.env_example(), flags=re.MULTILINE)
        assert len(dotenv_values(stream=io.StringIO(uncommented))) == len(setting_fields())
        environ = {k: v or "" for k, v in dotenv_values(stream=io.StringIO(uncommented)).items()}
        assert settings(**environ) == settings()


class TestConnections:
    """How many clients a worker accepts, by the files that it may open."""

    @pytest.mark.parametrize(
        ("soft", "hard", "count", "raised"),
        [
            (1024, 1_000_000, 1200, 2500),
            (1024, resource.RLIM_INFINITY, 1200, 2500),
            (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1200, None),
            (4096, 4096, 1200, None),
            (512, 1024, 462, 1024),
            (64, 64, 1, None),
        ],
    )
    def test_as_many_as_files_allow(
        self, monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, count: int, raised: int | None
    ) -> None:
        limits: list[tuple[int, int]] = []
        monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda kind, value: limits.append(value))
        accepted, warning = connections(settings())
        assert accepted == count
        assert limits == ([] if raised is None else [(raised, hard)])
        assert bool(warning) == (count < 1200)
        if warning:
            assert f"only {count} connections" in warning
            assert "needs 2500" in warning
