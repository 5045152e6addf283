"""Which of gunicorn's two parsers reads requests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_no_other_parser_decides_what_is_refused(tmp_path: Path) -> None:
    """docs/decisions/0043: gunicorn would take any package of that name."""
    (tmp_path / "gunicorn_h1c.py").write_text("class LimitRequestLine(Exception): ...\n")
    code = (
        "import runpy\n"
        "shipped = runpy.run_path('gunicorn.conf.py')\n"
        "from gunicorn.config import Config\n"
        "from gunicorn.http.message import _check_fast_parser\n"
        "config = Config()\n"
        "print(_check_fast_parser(config))\n"
        "config.set('http_parser', shipped['http_parser'])\n"
        "print(_check_fast_parser(config))\n"
    )
    environ = {"HOME": str(tmp_path), "PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "False"]
