"""The suites of the official Python SDKs, run against this gateway over real sockets.

``python -m conformance`` takes the tests that ``anthropic`` and ``openai`` publish in their source
distributions, runs them against gunicorn and the simulated upstream, and writes
``docs/conformance.md``. The versions are those of ``requirements/conformance.txt``; everything is
kept in the user's cache directory and nothing in the checkout. Nobody here wrote those tests, which
is what they are worth.
"""
