"""Real clients, each driven through a whole task by this gateway.

``python -m clients`` installs released clients from npm and PyPI into the user's cache directory
and runs each without a person against gunicorn and the simulated upstream. A directive in the
prompt makes the simulator call two of the client's tools and then answer in several pieces. What
counts is what was seen on both sides of the gateway: as many requests as the task needs and none
more, streamed where the client streams, none refused, the tools' results back in the conversation,
and the answer in what the client printed. ``docs/clients.md`` is written from that.

Every client gets an environment of its own: an empty home, no variable of this machine beyond the
path, and a proxy that does not exist for every address but loopback.
"""
