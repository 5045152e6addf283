"""A pytest plugin for ``make test COVERAGE=1``: processes that tests start are measured as well.

coverage.py tells a child process by a variable of its environment that it is to be measured. Tests
start servers with an environment that has nothing but what the test gives, so the variable is added
to it here. Tests of what measuring itself changes are left out; ``python -m tests.coverage.plugin``
prints them, as arguments for a run without a tracer.
"""

import os
import subprocess
import sys
from typing import Any

import pytest

VARIABLE = "COVERAGE_PROCESS_CONFIG"

NOT_MEASURED = (
    "tests/benchmarks/",  # what things cost
    "tests/chaos/test_clients.py",  # how soon
    "tests/chaos/test_processes.py",
    "tests/hostile/",
    "tests/live/test_compressed_bodies.py",
    "tests/live/test_floods.py",
    "tests/live/test_large_bodies.py",
    "tests/live/test_load.py",
    "tests/live/test_unread_log.py",
    "tests/soak/",
    "tests/test_application.py::test_by_default_nothing_that_only_a_setting_needs_is_loaded",
    "tests/test_application.py::test_what_keeps_responses_and_usage_is_not_loaded_if_none_are_kept",
)
"""The beginnings of the names of tests that a tracer would make fail."""

_popen = subprocess.Popen.__init__


def _measured(self: Any, *arguments: Any, **options: Any) -> None:
    config = os.environ.get(VARIABLE)
    if config and options.get("env") is not None:
        options["env"] = {VARIABLE: config, **options["env"]}
    _popen(self, *arguments, **options)


def pytest_configure() -> None:
    """Called by pytest in each of its processes."""
    subprocess.Popen.__init__ = _measured  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Called by pytest with the tests that it has found, in any order."""
    left_out = [item for item in items if item.nodeid.startswith(NOT_MEASURED)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


if __name__ == "__main__":
    sys.stdout.write("\n".join(NOT_MEASURED) + "\n")
