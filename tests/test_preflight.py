"""What refuses a start before a socket is open. tests/test_process.py starts real processes."""

import socket
from pathlib import Path

import pytest

from app import preflight
from app.preflight import CannotStart, check_address, check_addresses, check_quietly
from app.settings import Settings
from tests.credentials.service import refresh_token


def refused(host: str, port: int) -> str:
    with pytest.raises(CannotStart) as caught:
        check_address(host, port)
    return str(caught.value)


def test_an_address_that_can_be_opened() -> None:
    check_address("127.0.0.1", 0)
    check_address("localhost", 0)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refused("127.0.0.1", port) == (
            f"127.0.0.1:{port} is in use; stop that program or set PORT"
        )


def test_the_port_of_the_metrics_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CannotStart, match=f"^KIRO_METRICS_BIND: 127.0.0.1:{port} cannot be"):
            check_addresses([("127.0.0.1", 0), ("127.0.0.1", port)], port)


def test_traces_without_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.preflight.find_spec", lambda name: None)
    settings = Settings(otel_exporter_otlp_endpoint="http://127.0.0.1:4318", port=1)
    with pytest.raises(CannotStart, match=r"install the extra `otel`"):
        check_quietly(settings, needs_credential=False)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no-host.invalid", "x" * 70])
def test_an_address_of_another_machine(host: str) -> None:
    message = refused(host, 0)
    assert host in message
    assert "127.0.0.1" in message


def test_the_directory_of_a_socket_must_be_there(tmp_path: Path) -> None:
    check_addresses([str(tmp_path / "s"), 3])
    with pytest.raises(CannotStart, match="there is no directory"):
        check_addresses([str(tmp_path / "no" / "s")])


def test_a_refusal_names_what_may_be_its_cause(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"AWS_REFRESHTOKEN={refresh_token(0)}\nKIRO_AUHT_TOKEN=x\n")
    nothing = {"AWS_REFRESHTOKEN": "", "KIRO_TOKEN_FILE": str(tmp_path / "no"), "HOST": "::1"}
    with pytest.raises(CannotStart) as caught:
        check_quietly(Settings.from_env(nothing, dotenv))
    assert "note: AWS_REFRESHTOKEN is empty in the environment" in str(caught.value)
    assert "did you mean KIRO_AUTH_TOKEN?" in str(caught.value)


def test_a_start_that_can_be_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_done", False)
    environ = {"AWS_REFRESHTOKEN": refresh_token(0), "KIRO_TOKEN_CACHE": str(tmp_path)}
    assert "KIRO_CLIENT_TOKEN" in check_quietly(Settings.from_env(environ, tmp_path / "no"))
    assert preflight.is_done()
