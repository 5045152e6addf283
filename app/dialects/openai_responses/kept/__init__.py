"""What is kept of responses and conversations, and how requests refer to it."""
