"""Tells the owner, at KIRO_ALERT_URL, what keeps the gateway from working, and when it is over."""
