"""Responses that are kept for a while, so that their clients can refer to them.

What is kept is bytes under an owner (a client's key) and an identity. Nothing of it can be read in
a file or in Redis: names are keyed hashes, values are encrypted (:mod:`.sealing`).
"""
