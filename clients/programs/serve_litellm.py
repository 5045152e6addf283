"""LiteLLM as a proxy in front of the gateway, and another program that uses it as its gateway.

The arguments: the API by which the proxy asks the gateway, the program, and that program's API.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from task import API, KEY, MODEL, URL

PROGRAM, ASKED = sys.argv[2:]
TARGETS = {
    "messages": {"model": f"anthropic/{MODEL}", "api_base": URL},
    "chat": {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1"},
    "responses": {"model": f"openai/{MODEL}", "api_base": f"{URL}/v1"},
}
CONFIG = """\
model_list:
  - model_name: {name}
    litellm_params: {{model: {model}, api_base: "{api_base}", api_key: {key}}}
litellm_settings: {{num_retries: 0}}
"""


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str) -> None:
    """Wait until it answers."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            time.sleep(0.2)
        else:
            return


Path("config.yaml").write_text(CONFIG.format(name=MODEL, key=KEY, **TARGETS[API]))
port = free_port()
here = f"http://127.0.0.1:{port}"
litellm = Path(sys.executable).with_name("litellm")
with Path("proxy.log").open("wb") as log:
    proxy = subprocess.Popen(
        [litellm, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
        stdout=log,
        stderr=log,
    )
try:
    wait_for(f"{here}/health/liveliness")
    program = Path(__file__).with_name(f"{PROGRAM}.py")
    done = subprocess.run([sys.executable, program, ASKED], env={**os.environ, "GATEWAY_URL": here})
finally:
    proxy.terminate()
    proxy.wait()
sys.exit(done.returncode)
