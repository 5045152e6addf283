"""Signatures of thinking that tell which family of models they were made for."""

import base64

from .model import SimulatedModel

_MARK = "sim-signature"


def sign(model: SimulatedModel, number: int) -> str:
    """Return the signature of the thinking in answer `number` of `model`."""
    return base64.b64encode(f"{_MARK}:{model.family}:{model.id}:{number}".encode()).decode()


def is_signed_for(model: SimulatedModel, signature: object) -> bool:
    """Return whether the simulator made this signature for the family of `model`."""
    if not isinstance(signature, str):
        return False
    try:
        mark, family, *_ = base64.b64decode(signature, validate=True).decode().split(":")
    except ValueError:
        return False
    return (mark, family) == (_MARK, model.family)
