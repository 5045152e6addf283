"""Signing in from a terminal: the device flow, and the token file that it writes."""
