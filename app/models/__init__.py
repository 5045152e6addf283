"""The models, and which of them a client's name means."""
