"""Which certificates the sign-in client trusts: over TLS, directly and through proxies."""

import ssl

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials.refresh.client import ServiceClient
from tests.credentials.service import serving

HOST = "auth.test"


def status(url: str, proxy: str | None = None) -> int:
    client = ServiceClient(user_agent="test", proxy=proxy, connect_timeout=5, response_timeout=5)
    try:
        return client.post(url, json={"refreshToken": "unknown"}).status
    finally:
        client.close()


@pytest.mark.usefixtures("trusted")
def test_ssl_cert_file_is_trusted(tls: ssl.SSLContext) -> None:
    with serving(tls=tls) as service:
        assert status(f"{service.url}/refreshToken") == 400


@pytest.mark.usefixtures("trusted")
def test_ssl_cert_file_is_trusted_behind_a_proxy_that_looks_into_tls(tls: ssl.SSLContext) -> None:
    with serving(inspecting=tls) as proxy:
        assert status(f"https://{HOST}/refreshToken", proxy.url) == 400
        assert proxy.calls == [("/refreshToken", {"refreshToken": "unknown"})]


@pytest.mark.usefixtures("trusted")
def test_ssl_cert_file_is_trusted_for_the_proxy_itself(tls: ssl.SSLContext) -> None:
    """The service acts as a proxy, which receives the complete URL."""
    with serving(tls=tls) as proxy:
        assert status(f"http://{HOST}/refreshToken", proxy.url) == 400
        assert proxy.calls[0][0] == f"http://{HOST}/refreshToken"


def test_a_certificate_nobody_signed_is_refused(tls: ssl.SSLContext) -> None:
    with serving(tls=tls) as service, serving(inspecting=tls) as proxy:
        for url, through in (
            (f"{service.url}/refreshToken", None),
            (f"https://{HOST}/refreshToken", proxy.url),
        ):
            with pytest.raises(GatewayError) as refused:
                status(url, through)
            assert refused.value.kind is Kind.TLS
            assert "SSL_CERT_FILE" in refused.value.message
    assert proxy.calls == service.calls == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nor_is_a_proxy_that_nobody_signed_used(tls: ssl.SSLContext, scheme: str) -> None:
    with serving(tls=tls) as proxy, pytest.raises(GatewayError, match="KIRO_UPSTREAM_PROXY"):
        status(f"{scheme}://{HOST}/refreshToken", proxy.url)
    assert proxy.calls == []


def test_a_call_loads_no_certificate_authorities(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are megabytes, which a login that keeps failing would load again and again."""
    loaded = []
    client = ServiceClient(user_agent="test", connect_timeout=5, response_timeout=5)
    for name in ("load_verify_locations", "load_default_certs"):
        monkeypatch.setattr(ssl.SSLContext, name, lambda *args, **kwargs: loaded.append(args))
    with serving(tls=tls) as service:
        for _ in range(3):
            with pytest.raises(GatewayError):
                client.post(f"{service.url}/refreshToken", json={})
    assert loaded == []
