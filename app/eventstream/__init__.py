"""Decoding of `application/vnd.amazon.eventstream`: frames, without the meaning of any service."""
