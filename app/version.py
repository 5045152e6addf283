"""The version of this program, once; ``pyproject.toml`` is held equal by a test."""

__version__ = "0.1.0"
