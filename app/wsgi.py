"""The WSGI application: ``gunicorn -c gunicorn.conf.py wsgi:app``, and only so.

Without that configuration nobody has checked whom the default key is exposed to, and what is
imported before the worker is patched breaks every TLS call. ``--check-config`` loads it without a
start: then the checks of a start are made here.
"""

import sys

from gevent import monkey

from app.settings.process import current

settings = current()
if settings is None or not monkey.is_module_patched("ssl"):
    sys.stderr.write("kiro2api cannot start: use gunicorn -c gunicorn.conf.py wsgi:app\n")
    sys.exit(4)  # makes gunicorn stop; any other status would respawn the worker

from app import preflight  # noqa: E402 -- it imports what must be patched
from app.application import create_app  # noqa: E402

if not preflight.is_done():
    try:
        preflight.check_quietly(settings)
    except preflight.CannotStart as error:
        sys.exit(f"kiro2api cannot start: {error}")

app = create_app(settings)
