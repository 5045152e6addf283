"""The frames of application/vnd.amazon.eventstream."""
