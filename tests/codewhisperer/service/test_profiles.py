"""Where a profile is looked for, and which one a request names."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.aws.regions import home_regions
from app.codewhisperer.service.errors import from_response
from app.codewhisperer.service.hosts import Host, HostChoice, candidates
from app.codewhisperer.service.profiles import BUILDER_ID, SOCIAL, ProfileChoice, profile_for
from app.common.errors import GatewayError, Kind
from app.upstream import AccessToken
from tests.codewhisperer.service.control_plane import Answer, Asked, control_plane

ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"
OWN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/ABCDEFGHIJKL"
GOV_ARN = "arn:aws-us-gov:codewhisperer:us-gov-east-1:123456789012:profile/ABCDEFGHIJKL"
US, EU = "management.us-east-1.kiro.dev", "management.eu-central-1.kiro.dev"

INVALID_TOKEN: Answer = (403, {"message": "Invalid token", "reason": None})
NO_PROFILE: Answer = (
    400, {"__type": "com.amazon.kiro.controlplane#ValidationException",
          "message": "Invalid profileArn."},
)  # fmt: skip
DENIED: Answer = (400, {"__type": "AccessDeniedException", "message": "no"})
UNAUTHORIZED: Answer = (401, {"message": "Unauthorized"})
FIREWALL: Answer = (403, {"message": "Blocked"})
PROFILE: Answer = (200, {"profile": {"arn": ARN}})


@pytest.mark.parametrize("refusal", [INVALID_TOKEN, NO_PROFILE, DENIED, UNAUTHORIZED])
def test_the_region_of_a_key_is_found_by_asking_each(refusal: Answer) -> None:
    """docs/upstream.md: An API key is known in one region"""
    control, client = control_plane(lambda asked: PROFILE if asked.host == EU else refusal)
    assert control.find_profile("ksk_x", "api_key", None) == ARN
    assert client.hosts == [US, EU]
    for asked in client.asked:
        assert asked.headers["TokenType"] == "API_KEY"
        assert asked.headers["X-Amz-Target"] == "AmazonCodeWhispererService.GetProfile"
        assert asked.members == {}


@pytest.mark.parametrize("refusal", [INVALID_TOKEN, NO_PROFILE, DENIED, UNAUTHORIZED])
def test_a_key_that_every_region_refuses_is_over(refusal: Answer) -> None:
    """docs/upstream.md: An API key is known in one region"""
    control, client = control_plane(lambda asked: refusal)
    with pytest.raises(GatewayError, match=r"us-east-1, eu-central-1.*app\.kiro\.dev") as raised:
        control.find_profile("ksk_x", "api_key", None)
    assert raised.value.kind is Kind.LOGIN_OVER
    assert client.hosts == [US, EU]


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ({US: INVALID_TOKEN, EU: (500, {})}, Kind.UPSTREAM_ERROR),
        ({US: INVALID_TOKEN, EU: FIREWALL}, Kind.FORBIDDEN),
        ({US: (429, {}), EU: INVALID_TOKEN}, Kind.THROTTLED),
    ],
)
def test_a_key_is_not_over_while_a_region_has_not_said_so(
    answers: dict[str, Answer], kind: Kind
) -> None:
    control, _ = control_plane(lambda asked: answers[asked.host])
    with pytest.raises(GatewayError) as raised:
        control.find_profile("ksk_x", "api_key", None)
    assert raised.value.kind is kind


def test_a_login_is_looked_for_in_the_other_region_after_a_403() -> None:
    """docs/upstream.md: A profile exists in one region"""
    found: Answer = (200, {"profiles": [{"arn": ARN}]})
    control, client = control_plane(lambda asked: found if asked.host == EU else INVALID_TOKEN)
    assert control.find_profile("t", "idc", None) == ARN
    assert client.hosts == [US, EU]
    assert control.find_profile("t", "idc", "eu-central-1") == ARN
    assert client.hosts[2:] == [EU]


def test_a_govcloud_login_is_looked_for_in_govcloud_only() -> None:
    """docs/upstream.md: GovCloud has its own hosts"""
    found: Answer = (200, {"profiles": [{"arn": GOV_ARN}]})
    east = "q.us-gov-east-1.amazonaws.com"
    control, client = control_plane(lambda asked: found if asked.host == east else INVALID_TOKEN)
    assert control.find_profile("t", "idc", "us-gov-west-1") == GOV_ARN
    assert client.hosts == ["q.us-gov-west-1.amazonaws.com", east]
    assert home_regions("us-gov-east-1") == ("us-gov-east-1", "us-gov-west-1")
    assert home_regions("ap-south-1") == home_regions(None) == ("us-east-1", "eu-central-1")


def host(generation: str, region: str = "us-east-1") -> Host:
    return candidates(region, generation)[0]


@pytest.mark.parametrize(
    ("where", "kind", "known", "sent"),
    [
        (host("kiro"), "idc", None, BUILDER_ID),
        (host("q"), "idc", None, None),
        (host("codewhisperer"), "idc", None, None),
        (host("kiro", "eu-central-1"), "idc", None, None),
        (host("q", "us-gov-west-1"), "idc", None, None),
        (host("kiro"), "idc", OWN, OWN),
        (host("q"), "idc", OWN, OWN),
        (host("kiro"), "api_key", None, None),
        (host("kiro"), "external_idp", None, None),
        (host("kiro"), "social", None, None),
    ],
)
def test_the_profile_of_builder_id_stands_in_on_the_newest_hosts(
    where: Host, kind: str, known: str | None, sent: str | None
) -> None:
    """docs/upstream.md: Builder ID has a profile that all its accounts share"""
    assert profile_for(where, kind, known) == sent


def token(kind: str, profile_arn: str | None = None, account: str = "a") -> AccessToken:
    return cast(
        AccessToken,
        SimpleNamespace(
            access_token="t", kind=kind, account=account, profile_arn=profile_arn, region=None
        ),
    )


class Look:
    def __init__(self, found: str | GatewayError | None) -> None:
        self.found = found
        self.times = 0

    def __call__(self, token: AccessToken) -> str | None:
        self.times += 1
        if isinstance(self.found, GatewayError):
            raise self.found
        return self.found


def error(answer: Answer) -> GatewayError:
    import json

    return from_response(answer[0], {}, json.dumps(answer[1]).encode())


REQUIRED: Answer = (
    400, {"__type": "ValidationException", "message": "profileArn is required for this request."}
)  # fmt: skip


@pytest.mark.parametrize("refusal", [REQUIRED, NO_PROFILE])
@pytest.mark.parametrize(
    ("kind", "sent", "instead"),
    [
        ("social", None, SOCIAL),
        ("idc", None, BUILDER_ID),
        ("idc", OWN, BUILDER_ID),
        ("idc", BUILDER_ID, OWN),
        ("external_idp", None, OWN),
        ("api_key", None, OWN),
    ],
)
def test_after_a_refusal_of_the_profile_another_is_tried_once(
    refusal: Answer, kind: str, sent: str | None, instead: str
) -> None:
    """docs/upstream.md: The newest hosts want a profile with every call"""
    look = Look(OWN)
    choice = ProfileChoice(look)
    assert choice.another(error(refusal), host("kiro"), token(kind), sent) == instead
    assert choice.first(host("kiro"), token(kind)) == instead
    assert choice.first(host("kiro"), token(kind, account="b")) != OWN


def test_a_paid_builder_id_that_is_refused_is_looked_up_once() -> None:
    """docs/upstream.md: Builder ID has a profile that all its accounts share"""
    look = Look(OWN)
    choice = ProfileChoice(look)
    refused = error(INVALID_TOKEN)
    assert choice.another(refused, host("kiro"), token("idc"), BUILDER_ID) == OWN
    assert choice.first(host("q"), token("idc")) == OWN
    assert choice.another(refused, host("kiro"), token("idc"), OWN) is None
    assert look.times == 1


@pytest.mark.parametrize("found", [None, BUILDER_ID, GatewayError(Kind.REFUSED_TOKEN, "no")])
def test_no_other_profile_is_no_retry(found: Any) -> None:
    look = Look(found)
    choice = ProfileChoice(look)
    for _ in range(3):
        refused = error(INVALID_TOKEN)
        assert choice.another(refused, host("kiro"), token("idc"), BUILDER_ID) is None
    assert look.times == 1
    other = error((400, {"__type": "ValidationException", "message": "Improperly formed."}))
    assert choice.another(other, host("kiro"), token("idc"), BUILDER_ID) is None


QUOTA: Answer = (200, {"usageBreakdownList": [{"resourceType": "CREDIT", "usageLimit": 50}]})


def asked_for_quota(answer: Any, kind: str = "idc", arn: str | None = OWN) -> list[tuple[str, Any]]:
    control, client = control_plane(answer)
    for _ in range(2):
        assert control.quota("t", kind, arn, "us-east-1")
    return [(asked.host, asked.members.get("profileArn")) for asked in client.asked]


def test_the_quota_is_asked_for_with_the_profile() -> None:
    """docs/upstream.md: The newest hosts want a profile with every call"""
    assert asked_for_quota(lambda asked: QUOTA) == [(US, OWN)] * 2
    assert asked_for_quota(lambda asked: QUOTA, arn=None) == [(US, BUILDER_ID)] * 2
    assert asked_for_quota(lambda asked: QUOTA, "api_key", None) == [(US, None)] * 2


def test_where_the_profile_is_refused_the_quota_is_asked_for_without_and_that_is_remembered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """docs/upstream.md: The quota is asked for with a profile, else without"""
    caplog.set_level("INFO", "kiro2api.upstream")

    def answer(asked: Asked) -> Answer:
        return INVALID_TOKEN if "profileArn" in asked.members else QUOTA

    assert asked_for_quota(answer) == [(US, OWN), (US, None), (US, None)]
    assert len([line for line in caplog.messages if "without a profile" in line]) == 1


def test_where_the_newest_hosts_refuse_the_quota_the_older_ones_are_asked() -> None:
    """docs/upstream.md: The quota is asked for with a profile, else without"""
    q = "q.us-east-1.amazonaws.com"

    def answer(asked: Asked) -> Answer:
        return QUOTA if asked.host == q else NO_PROFILE

    assert asked_for_quota(answer) == [(US, OWN), (US, None), (q, OWN), (q, OWN)]


def test_a_quota_that_is_refused_everywhere_is_the_first_refusal() -> None:
    control, client = control_plane(
        lambda asked: NO_PROFILE if len(client.asked) == 1 else INVALID_TOKEN
    )
    with pytest.raises(GatewayError, match="Invalid profileArn"):
        control.quota("t", "idc", OWN, None)
    assert len(client.asked) == 3


def test_a_service_that_is_down_is_not_asked_in_other_ways() -> None:
    control, client = control_plane(lambda asked: (503, {}))
    with pytest.raises(GatewayError):
        control.quota("t", "idc", OWN, None)
    assert len(client.asked) == 1


def test_the_region_that_is_set_is_the_only_one_asked() -> None:
    control, client = control_plane(lambda asked: INVALID_TOKEN, HostChoice(None, "us-gov-west-1"))
    with pytest.raises(GatewayError):
        control.find_profile("ksk_x", "api_key", None)
    assert client.hosts == ["q.us-gov-west-1.amazonaws.com"]
