"""The certificate authorities that every TLS connection of this program trusts.

One context serves the upstream and the sign-in services: it holds the system's certificate
authorities and certifi's. ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace the system's, as for
every program that uses OpenSSL; a proxy that inspects TLS needs that. Verification cannot be
switched off.
"""

import ssl
from functools import cache

import certifi

HOW_TO_TRUST = "behind a proxy that looks into TLS, name its authority in SSL_CERT_FILE"
"""Advice for a certificate that was not accepted."""


@cache
def tls_context() -> ssl.SSLContext:
    """Made once, in the process that the workers are forked from: it is slow to load, and 3 MB."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
