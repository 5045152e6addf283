"""The command ``client``, as a user types it, with real files in a home of its own."""

import json
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.client_setup import commands
from app.client_setup.clients import CLIENTS
from app.client_setup.writing import backup_of

Run = Callable[..., Result]
WITH_FILE = [name for name, client in CLIENTS.items() if client.file]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    def invoke(*arguments: str, **environ: str) -> Result:
        group = click.Group()
        given = {"KIRO_TOKEN_CACHE": str(tmp_path / "cache"), **environ}
        commands.add_to(group, lambda settings, now: None, given)
        return CliRunner().invoke(group, ["client", *arguments])

    return invoke


def path_of(name: str, home: Path) -> Path:
    file = CLIENTS[name].file
    assert file
    return file(home, {})


@pytest.mark.parametrize("name", CLIENTS)
def test_url_key_and_model_are_filled_in(run: Run, name: str) -> None:
    result = run(name, "--model", "opus", "--url", "https://gateway.example/v1/")
    assert result.exit_code == 0, result.output
    assert "https://gateway.example" in result.output
    assert "/v1/v1" not in result.output
    assert "123456" in result.output
    assert name in ("claude-code", "python") or "claude-opus-5-5" in result.output
    assert "{" not in result.output or name == "opencode"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_secret_key_is_never_printed(run: Run, name: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("canary")
    for arguments, environ in (
        ((), {"KIRO_CLIENT_TOKEN": "canary"}),
        (("--key-file", str(key)), {}),
        (("--write",), {"KIRO_CLIENT_TOKEN": "canary"}),
    ):
        result = run(name, *arguments, **environ)
        assert "canary" not in result.output
        assert (
            "--write" in arguments or "YOUR_KEY" in result.output or f"cat {key}" in result.output
        )


@pytest.mark.parametrize("name", WITH_FILE)
@pytest.mark.parametrize("is_new", [True, False])
def test_write_and_restore(run: Run, tmp_path: Path, name: str, is_new: bool) -> None:
    path = path_of(name, tmp_path)
    mine = b'{"mine": 1}' if path.suffix == ".json" else b"# mine\n"
    if not is_new and name != "continue":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mine)
    is_new = not path.exists()
    result = run(name, "--write", KIRO_CLIENT_TOKEN="canary")
    assert result.exit_code == 0, result.output
    written = path.read_text()
    assert "127.0.0.1:8080" in written
    assert is_new or "mine" in written
    assert ("canary" in written) is CLIENTS[name].holds_key
    if CLIENTS[name].holds_key:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "set up already" in run(name, "--write", KIRO_CLIENT_TOKEN="canary").output
    assert backup_of(path).read_bytes() == (b"" if is_new else mine)
    run(name, "--write", "--url", "http://other", KIRO_CLIENT_TOKEN="canary")
    assert "http://other" in path.read_text()

    result = run(name, "--restore")
    assert result.exit_code == 0, result.output
    assert path.exists() is not is_new
    assert is_new or path.read_bytes() == mine
    assert "http://other" in path.with_name(f"{path.name}.with-kiro2api").read_text()
    assert run(name, "--restore").exit_code == 1


def test_a_mode_and_a_link_stay(run: Run, tmp_path: Path) -> None:
    real, path = tmp_path / "dotfiles.toml", path_of("codex", tmp_path)
    real.write_text('model = "gpt-4"\n')
    real.chmod(0o640)
    path.parent.mkdir()
    path.symlink_to(real)
    assert run("codex", "--write").exit_code == 0
    assert path.is_symlink()
    assert tomllib.loads(real.read_text())["model_provider"] == "kiro2api"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_codex_has_window_and_effort_and_no_catalogue(run: Run, tmp_path: Path) -> None:
    """A provider named OpenAI would get summaries that only OpenAI can read."""
    run("codex", "--write", "--model", "gpt-5.6-sol")
    config = tomllib.loads(path_of("codex", tmp_path).read_text())
    assert config["model"] == "gpt-5.6-sol"
    assert config["model_context_window"] > 100_000
    assert config["model_reasoning_effort"]
    provider = config["model_providers"][config["model_provider"]]
    assert provider["name"].lower() not in ("openai", "azure")
    assert not [name for name in {**config, **provider} if "catalog" in name]
    assert provider["env_key"] == "KIRO2API_KEY"


def test_the_variables_of_the_clients_are_followed(run: Run, tmp_path: Path) -> None:
    for name, variable, file in (
        ("codex", "CODEX_HOME", "config.toml"),
        ("claude-code", "CLAUDE_CONFIG_DIR", "settings.json"),
        ("opencode", "XDG_CONFIG_HOME", "opencode/opencode.json"),
    ):
        run(name, "--write", **{variable: str(tmp_path / "elsewhere")})
        assert (tmp_path / "elsewhere" / file).exists()


def test_claude_code_keeps_its_other_settings(run: Run, tmp_path: Path) -> None:
    path = path_of("claude-code", tmp_path)
    path.parent.mkdir()
    path.write_text('{"theme": "dark", "env": {"MINE": "1"}}')
    run("claude-code", "--write")
    found = json.loads(path.read_text())
    assert found["theme"] == "dark"
    assert found["env"] == {
        "MINE": "1",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:8080",
        "ANTHROPIC_AUTH_TOKEN": "123456",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cline", "--write"), "Cline has no file to write"),
        (("codex", "--write", "--restore"), "exclude each other"),
        (("codex", "--model", "nonsense"), "there is no model 'nonsense'"),
        (("codex", "--key-file", "/no/key"), "/no/key: No such file"),
        (("emacs",), "is not one of"),
    ],
)
def test_what_cannot_be_done(run: Run, arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output


def test_a_file_that_cannot_be_changed_is_left(run: Run, tmp_path: Path) -> None:
    path = path_of("claude-code", tmp_path)
    path.parent.mkdir()
    path.write_text('{"a": 1, // a comment\n}')
    result = run("claude-code", "--write")
    assert result.exit_code == 1
    assert "was left as it is: it is not plain JSON" in result.output
    assert path.read_text() == '{"a": 1, // a comment\n}'
    assert not backup_of(path).exists()


def test_without_a_key_nothing_is_written(run: Run, tmp_path: Path) -> None:
    result = run("claude-code", "--write", KIRO_CLIENT_KEYS_FILE="keys.json")
    assert result.exit_code == 1
    assert "name its file with --key-file" in result.output
    assert not path_of("claude-code", tmp_path).exists()
