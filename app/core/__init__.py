"""Pure values and pure functions: no IO, no clock, no randomness, no import from the rest of the
app.
"""
