"""The application with a route that reports the resources of its worker, for the soak test."""

import gc
import os

import gevent
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from wsgi import app


def watch(app: Flask) -> None:
    """Add ``/watched``, which reports the worker's pid and its number of living greenlets."""

    @app.get("/watched")
    def watched() -> ResponseReturnValue:
        gc.collect()
        greenlets = [
            kept for kept in gc.get_objects() if isinstance(kept, gevent.Greenlet) and not kept.dead
        ]
        return jsonify(pid=os.getpid(), greenlets=len(greenlets))


watch(app)
