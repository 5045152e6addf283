"""Refreshing: when, and with which service."""
