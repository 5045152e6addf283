"""HTTP/1.1 to an upstream as a transport adapter of requests: pooled connections, streamed bodies.

It knows nothing of the service behind the URLs.
"""
