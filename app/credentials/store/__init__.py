"""Persistent grants and account health, in files and in Redis."""
