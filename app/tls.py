"""Whom every TLS connection of this program trusts, to the upstream and to the sign-in services.

One context for all: the system's certificate authorities and certifi's. ``SSL_CERT_FILE`` and
``SSL_CERT_DIR`` name others in place of the system's, as everywhere OpenSSL is used; a proxy that
looks into TLS needs one. Verification cannot be switched off.
"""

import ssl
from functools import cache
from typing import Any

import certifi
from requests.adapters import HTTPAdapter

HOW_TO_TRUST = "behind a proxy that looks into TLS, name its authority in SSL_CERT_FILE"
"""What to do about a certificate that was not accepted."""


@cache
def tls_context() -> ssl.SSLContext:
    """Made once, in the process that the workers are forked from: it is slow, and 3 MB."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class TrustingAdapter(HTTPAdapter):
    """requests' transport with that context, to hosts and to proxies.

    requests itself would trust certifi alone, and load it anew for each pool of connections.
    """

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        kwargs["ssl_context"] = tls_context()
        if not proxy.startswith("socks"):
            kwargs["proxy_ssl_context"] = tls_context()
        return super().proxy_manager_for(proxy, **kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context holds what requests would put into the pool here: certifi's bundle, or for a
        plain URL behind a TLS proxy no verification at all.
        """
