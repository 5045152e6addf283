"""The clients' connections: what arrives on them, and what is refused before it is a request."""
