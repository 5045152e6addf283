"""The device authorization grant (RFC 8628) of AWS SSO OIDC: signing in from a terminal.

It works for Builder ID and IAM Identity Center. Social logins (Google, GitHub) are not possible
this way; they need a browser that reaches this machine (:mod:`.browser`). Members and scopes follow
the AWS service model and the Amazon Q CLI.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.common.errors import GatewayError, Kind
from app.credentials.model import Grant
from app.credentials.refresh.client import ServiceClient, ServiceResponse
from app.credentials.refresh.refresher import grant_from

BUILDER_ID = "https://view.awsapps.com/start"
SCOPES = ("codewhisperer:completions", "codewhisperer:analysis", "codewhisperer:conversations")

_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_CLIENT_NAME = "kiro2api"
_INTERVAL = 5.0  # RFC 8628 section 3.2: the default if the service names none
_SLOW_DOWN = 5.0  # section 3.5
_CODES = {
    "access_denied", "invalid_client", "invalid_client_metadata", "invalid_grant",
    "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_grant_type",
}  # fmt: skip
"""The only error codes that are quoted: any other text may be anything, even a secret."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Identifies this program to the service; valid for weeks."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    expires_at: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """The user confirms ``user_code`` at ``page``; ``full_page`` already contains the code."""

    code: str = field(repr=False)
    user_code: str
    page: str
    full_page: str
    expires_at: float
    interval: float


class DeviceFlow:
    """The three steps. Each raises GatewayError. ``base_url`` is that of the OIDC service."""

    def __init__(
        self,
        client: ServiceClient,
        base_url: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._base_url = base_url
        self._clock = clock
        self._sleep = sleep

    def register(self) -> Registration:
        """Register this program as a client."""
        response = self._post(
            "/client/register",
            clientName=_CLIENT_NAME,
            clientType="public",
            scopes=list(SCOPES),
        )
        return Registration(
            client_id=_required(response, "clientId"),
            client_secret=_required(response, "clientSecret"),
            expires_at=response.number("clientSecretExpiresAt"),
        )

    def begin(self, registration: Registration, start_url: str) -> DeviceCode:
        """Request a code that the user confirms in a browser."""
        response = self._post(
            "/device_authorization",
            clientId=registration.client_id,
            clientSecret=registration.client_secret,
            startUrl=start_url,
        )
        page = _required(response, "verificationUri")
        return DeviceCode(
            code=_required(response, "deviceCode"),
            user_code=_required(response, "userCode"),
            page=page,
            full_page=response.text("verificationUriComplete") or page,
            expires_at=self._clock() + (response.number("expiresIn") or 600),
            interval=response.number("interval") or _INTERVAL,
        )

    def wait(self, registration: Registration, code: DeviceCode) -> Grant:
        """Wait until the user has confirmed. LOGIN_OVER if the user declined or took too long."""
        interval = code.interval
        while self._clock() < code.expires_at:
            self._sleep(interval)
            try:
                response = self._poll(registration, code)
            except GatewayError as error:
                if error.kind is not Kind.TIMEOUT:
                    raise
                interval *= 2  # section 3.5: slower after each timeout
                continue
            if response.status == 200:
                return grant_from(response, Grant(), self._clock())
            error_code = response.text("error")
            if error_code == "slow_down":
                interval += _SLOW_DOWN
            elif error_code == "access_denied":
                raise GatewayError(Kind.LOGIN_OVER, "The login was declined in the browser.")
            elif error_code == "expired_token":
                break
            elif error_code != "authorization_pending" and response.status < 500:
                raise _refused(response)
        raise GatewayError(
            Kind.LOGIN_OVER, "The code was not confirmed in time. Run the login again."
        )

    def _poll(self, registration: Registration, code: DeviceCode) -> ServiceResponse:
        return self._client.post(
            f"{self._base_url}/token",
            json={
                "clientId": registration.client_id,
                "clientSecret": registration.client_secret,
                "grantType": _GRANT_TYPE,
                "deviceCode": code.code,
            },
        )

    def _post(self, path: str, **body: object) -> ServiceResponse:
        response = self._client.post(f"{self._base_url}{path}", json=body)
        if response.status != 200:
            raise _refused(response)
        return response


def _required(response: ServiceResponse, member: str) -> str:
    value = response.text(member)
    if not value:
        raise GatewayError(
            Kind.UPSTREAM_ERROR, f"The response of the sign-in service lacks {member}."
        )
    return value


def _refused(response: ServiceResponse) -> GatewayError:
    code = response.text("error")
    code = code if code in _CODES else "an unknown error"
    return GatewayError(
        Kind.UPSTREAM_ERROR,
        f"The sign-in service refused with status {response.status} ({code}). Check the "
        "start URL and the region.",
    )
