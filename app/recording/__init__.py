"""Recordings of exchanges with the upstream, kept if the owner asks for them; their replay."""
