"""Signing in from a terminal."""
