"""Pure values and pure functions: no IO, no clock, no randomness, and no import of any other part
of the app.
"""
