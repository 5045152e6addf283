"""The application, and a route that tells what its worker keeps: for the soak test alone."""

import gc
import os

import gevent
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from wsgi import app


def watch(app: Flask) -> Flask:
    """Add ``/watched``: the worker's pid, and how many greenlets and sockets it keeps."""

    @app.get("/watched")
    def watched() -> ResponseReturnValue:
        gc.collect()
        greenlets = [
            kept for kept in gc.get_objects() if isinstance(kept, gevent.Greenlet) and not kept.dead
        ]
        return jsonify(pid=os.getpid(), greenlets=len(greenlets))

    return app


app = watch(app)
