"""The WSGI application: ``gunicorn -c gunicorn.conf.py wsgi:app``, and only so.

Without that configuration nobody has checked whom the default key is exposed to, and what is
imported before the worker is patched breaks every TLS call.
"""

import sys

from gevent import monkey

from app.settings.process import current

settings = current()
if settings is None or not monkey.is_module_patched("ssl"):
    sys.stderr.write("kiro2api cannot start: use gunicorn -c gunicorn.conf.py wsgi:app\n")
    sys.exit(4)  # makes gunicorn stop; any other status would respawn the worker

from app.application import create_app  # noqa: E402 -- it imports what must be patched

app = create_app(settings)
