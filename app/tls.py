"""The certificate authorities that every TLS connection of this program trusts.

One context serves the upstream and the sign-in services: it holds the system's certificate
authorities and certifi's. ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace the system's, as for
every program that uses OpenSSL; a proxy that inspects TLS needs that. Verification cannot be
switched off.
"""

import ssl
from functools import cache
from typing import Any

import certifi
from requests.adapters import HTTPAdapter

HOW_TO_TRUST = "behind a proxy that looks into TLS, name its authority in SSL_CERT_FILE"
"""Advice for a certificate that was not accepted."""


@cache
def tls_context() -> ssl.SSLContext:
    """Made once, in the process that the workers are forked from: it is slow to load, and 3 MB."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class TrustingAdapter(HTTPAdapter):
    """requests' own transport with that context, for hosts and for proxies.

    requests would trust certifi alone, and load it again for each pool of connections. The three
    methods are those that requests documents as "exposed for use when subclassing the HTTPAdapter".
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use the context for hosts."""
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Use the context for hosts behind a proxy, and for the proxy itself."""
        kwargs["ssl_context"] = tls_context()
        if not proxy.startswith("socks"):
            kwargs["proxy_ssl_context"] = tls_context()
        return super().proxy_manager_for(proxy, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the pool of connections as it is: its context verifies.

        requests would have it load certifi's bundle once more, or verify nothing for a plain URL
        behind a TLS proxy.
        """
