"""The service itself: its hosts, its operations and its errors."""
