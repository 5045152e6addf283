"""The WSGI application: ``gunicorn -c gunicorn.conf.py wsgi:app``."""

import sys

from gevent import monkey

if not monkey.is_module_patched("ssl"):
    # every TLS call would fail later; 4 makes gunicorn stop and not respawn the worker
    print("kiro2api cannot start: use gunicorn -c gunicorn.conf.py wsgi:app", file=sys.stderr)  # noqa: T201
    sys.exit(4)

from app.application import create_app
from app.settings.process import current

app = create_app(current())
