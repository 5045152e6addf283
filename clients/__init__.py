"""Real clients, each run through a whole task with the gateway.

``python -m clients`` installs released clients from npm and PyPI into the user's cache directory
and runs each unattended against gunicorn and the simulated upstream. A directive in the prompt
makes the simulator call two of the client's tools and then answer in several pieces. The checks use
both sides of the gateway: exactly as many requests as the task needs, streamed where the client
streams, none refused, the tool results in the conversation, and the answer in the client's output.
``docs/clients.md`` is generated from the results.

Every client gets its own environment: an empty home directory, no variable of this machine except
the path, and a proxy that does not exist for every address but loopback.
"""
