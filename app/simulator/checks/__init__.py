"""The rules that a chat request must keep."""
