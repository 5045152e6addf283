"""Shared by all programs: the gateway and the prompt from the environment, and two tools.

A program is what a user of the library would write. It runs with the interpreter of the library's
environment, takes the API as its argument, and prints the model's answer.
"""

import os
import sys

API = sys.argv[1]
URL = os.environ["GATEWAY_URL"]
KEY = os.environ["GATEWAY_KEY"]
TASK = os.environ["TASK"]
MODEL = os.environ["MODEL"]


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


TOOLS = {"add": add, "multiply": multiply}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
