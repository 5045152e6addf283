"""HTTP to an upstream: connections, and bodies that are read as they arrive."""
