"""The simulator as a process of its own, and over TLS."""

import http.client
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.simulator.client import TOKEN, Client, text_of

SERVE = "from app.simulator import serve; serve(port=0)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_line_serves_and_ends_upon_a_signal(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stderr
        ready = process.stdout.readline()
        assert ready.startswith("simulator ready on http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() + process.stderr.read() == ""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate and its key for 127.0.0.1, in one file."""
    key, cert, both = tmp_path / "key.pem", tmp_path / "cert.pem", tmp_path / "both.pem"
    names = ["-subj", "/CN=simulator", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = [
        "openssl",
        "req",
        *kind,
        *names,
        "-days",
        "2",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(key.read_text() + cert.read_text())
    return both


def test_tls(certificate: Path) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with Simulator(tokens=(TOKEN,), tls=server) as simulator:
        assert simulator.url.startswith("https://")
        client = Client(simulator, context=trusting)
        assert "simulator" in text_of(client.chat().body)
        simulator.script({"text": "a", "cut": {"at": 20, "how": "rst"}}, {"text": "b"})
        # Python up to 3.12 reports a reset under TLS as an early end
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            client.chat()
        client.close()
        assert text_of(client.chat().body) == "b"
        client.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            Client(simulator, context=ssl.create_default_context()).chat()
        assert simulator.wait_for(lambda _: simulator.stats["connections_open"] == 0)


def test_a_port_that_is_taken_is_an_error() -> None:
    with Simulator() as simulator, pytest.raises(OSError, match="in use"):
        Simulator(port=simulator.port).start()
