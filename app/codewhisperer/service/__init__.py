"""The service's hosts, operations and errors."""
