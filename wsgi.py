"""The WSGI application, for ``gunicorn -c gunicorn.conf.py wsgi:app`` in a checkout."""

from app.wsgi import app

__all__ = ["app"]
