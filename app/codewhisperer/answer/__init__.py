"""Event-stream frames as the events of the core."""
