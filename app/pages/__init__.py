"""The endpoints that belong to no dialect."""
