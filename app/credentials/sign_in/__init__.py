"""Signing in from a terminal: the device flow, the flow through a browser, and the token
file that they write."""
