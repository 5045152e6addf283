"""The suites of the official Python SDKs, run against this gateway over real sockets.

``python -m conformance`` takes the tests that ``anthropic`` and ``openai`` publish in their source
distributions, runs them against gunicorn and the simulated upstream, and writes
``docs/conformance.md``. The versions are those of ``requirements/conformance.txt``. All files are
stored in the user's cache directory, none in the checkout. The value of these tests is that their
authors are independent of this project.
"""
