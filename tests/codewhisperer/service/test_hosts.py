"""Which hosts are tried, and what a call of each looks like."""

import pytest

from app.codewhisperer.service.hosts import Host, HostChoice, authorization, candidates
from app.common.errors import GatewayError, Kind

ARN = "arn:aws:codewhisperer:eu-central-1:699475941385:profile/EHGA3GRVQMUK"


def host(generation: str, region: str = "us-east-1") -> Host:
    return candidates(region, generation)[0]


def test_newest_first_and_the_oldest_in_its_one_region_only() -> None:
    assert [h.generation for h in candidates("us-east-1", None)] == ["kiro", "q", "codewhisperer"]
    assert [h.generation for h in candidates("eu-central-1", None)] == ["kiro", "q"]
    assert candidates("ap-south-2", None)[1].chat_url == "https://q.ap-south-2.amazonaws.com"


def test_a_named_generation_is_tried_alone() -> None:
    (only,) = candidates("us-east-1", "codewhisperer")
    assert only == Host(
        "codewhisperer",
        "us-east-1",
        "https://codewhisperer.us-east-1.amazonaws.com",
        "https://codewhisperer.us-east-1.amazonaws.com",
        "rest",
        "AI_EDITOR",
    )


def test_a_generation_that_the_region_lacks_is_an_error_that_says_where_it_is() -> None:
    with pytest.raises(ValueError, match="codewhisperer hosts exist in us-east-1 only"):
        candidates("eu-central-1", "codewhisperer")


@pytest.mark.parametrize("region", ["", "evil.example/", "us-east-1.evil.example", "us east 1"])
def test_no_region_can_name_another_domain(region: str) -> None:
    with pytest.raises(ValueError, match="not an AWS region"):
        candidates(region, None)


def test_a_profile_elsewhere_is_named_among_the_causes() -> None:
    with pytest.raises(GatewayError, match="KIRO_REGION and the region in"):
        HostChoice("codewhisperer", None).first("eu-central-1")


def test_a_base_url_is_one_rest_host_for_everything() -> None:
    (only,) = candidates("us-east-1", "http://127.0.0.1:9001/")
    assert (only.generation, only.binding, only.origin) == ("q", "rest", "AI_EDITOR")
    assert only.chat_endpoint()[0] == "http://127.0.0.1:9001/generateAssistantResponse"
    call = only.control_request("GetUsageLimits", {"origin": only.origin})
    assert call.url == "http://127.0.0.1:9001/getUsageLimits?origin=AI_EDITOR"


def test_chat_by_rest() -> None:
    url, headers = host("q", "eu-central-1").chat_endpoint()
    assert url == "https://q.eu-central-1.amazonaws.com/generateAssistantResponse"
    assert headers["Content-Type"] == "application/json"
    assert "X-Amz-Target" not in headers


def test_chat_by_json_rpc() -> None:
    """docs/upstream.md: The newest hosts serve chat under its older name too"""
    url, headers = host("kiro").chat_endpoint()
    assert url == "https://runtime.us-east-1.kiro.dev/"
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert headers["X-Amz-Target"] == (
        "AmazonCodeWhispererStreamingService.GenerateAssistantResponse"
    )


def test_control_plane_by_rest_has_its_parameters_where_each_operation_wants_them() -> None:
    limits = host("q").control_request(
        "GetUsageLimits", {"isEmailRequired": True, "profileArn": ARN}
    )
    assert limits.method == "GET"
    assert limits.url == (
        "https://q.us-east-1.amazonaws.com/getUsageLimits"
        "?isEmailRequired=true&profileArn=arn%3Aaws%3Acodewhisperer%3Aeu-central-1"
        "%3A699475941385%3Aprofile%2FEHGA3GRVQMUK"
    )
    assert limits.body == b""
    profile = host("q").control_request("GetProfile", {"profileArn": ARN})
    assert (profile.method, profile.url) == ("POST", "https://q.us-east-1.amazonaws.com/GetProfile")
    assert profile.body == b'{"profileArn":"%b"}' % ARN.encode()


def test_control_plane_by_json_rpc_is_another_host_and_says_the_query_twice() -> None:
    call = host("kiro").control_request("GetUsageLimits", {"origin": "KIRO_CLI"})
    assert call.method == "POST"
    assert call.url == "https://management.us-east-1.kiro.dev/?origin=KIRO_CLI"
    assert call.headers["X-Amz-Target"] == "AmazonCodeWhispererService.GetUsageLimits"
    assert call.body == b'{"origin":"KIRO_CLI"}'
    profiles = host("kiro").control_request("ListAvailableProfiles", {})
    assert (profiles.url, profiles.body) == ("https://management.us-east-1.kiro.dev/", b"{}")


@pytest.mark.parametrize(
    ("kind", "token_type"),
    [("social", None), ("idc", None), ("external_idp", "EXTERNAL_IDP"), ("api_key", "API_KEY")],
)
def test_authorization_names_the_token_type_where_the_service_needs_it(
    kind: str, token_type: str | None
) -> None:
    """docs/upstream.md: The token type names two kinds of login"""
    headers = authorization("secret", kind)
    assert headers["Authorization"] == "Bearer secret"
    assert headers.get("TokenType") == token_type


def test_headers_of_one_request_are_not_those_of_another() -> None:
    chosen = host("kiro")
    chosen.chat_endpoint()[1]["Authorization"] = "Bearer secret"
    assert "Authorization" not in chosen.chat_endpoint()[1]


def test_what_worked_is_tried_first_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "kiro2api.upstream")
    choice = HostChoice(None, None)
    newest = choice.first(None)
    older = choice.older(newest)
    assert older is not None
    assert (newest.generation, older.generation) == ("kiro", "q")
    choice.worked(older)
    choice.worked(older)
    assert choice.first(None) == older
    assert [record.message for record in caplog.records] == [
        "The upstream answers at https://q.us-east-1.amazonaws.com (q)."
    ]


def test_after_the_oldest_the_next_request_begins_anew() -> None:
    choice = HostChoice(None, "eu-central-1")
    oldest = choice.older(choice.first("us-east-1"))
    assert oldest is not None
    assert oldest.region == "eu-central-1"
    choice.worked(oldest)
    assert choice.older(oldest) is None
    assert choice.first(None).generation == "kiro"


def test_each_region_remembers_its_own_host() -> None:
    choice = HostChoice(None, None)
    choice.worked(candidates("us-east-1", "codewhisperer")[0])
    assert choice.first("us-east-1").generation == "codewhisperer"
    assert choice.first("eu-central-1").generation == "kiro"


def test_a_setting_that_the_accounts_region_cannot_keep_is_an_error_with_its_name() -> None:
    with pytest.raises(GatewayError, match="KIRO_API_URL") as caught:
        HostChoice("codewhisperer", None).first("eu-central-1")
    assert caught.value.kind is Kind.INTERNAL


def test_govcloud_has_hosts_of_one_generation() -> None:
    """docs/upstream.md: GovCloud has its own hosts"""
    for region in ("us-gov-east-1", "us-gov-west-1"):
        (only,) = candidates(region, None)
        assert (only.generation, only.chat_url, only.control_url) == (
            "q", f"https://q.{region}.amazonaws.com", f"https://q.{region}.amazonaws.com",
        )  # fmt: skip
    with pytest.raises(ValueError, match="kiro hosts exist in commercial regions only"):
        candidates("us-gov-west-1", "kiro")


@pytest.mark.parametrize("api_url", [None, "q", "http://127.0.0.1:9001"])
def test_content_may_be_used_only_if_the_owner_says_so(api_url: str | None) -> None:
    """docs/upstream.md: The opt-out header says whether content may be used"""
    for choice, said in (
        (HostChoice(api_url, None), "true"),
        (HostChoice(api_url, None, share_content=True), "false"),
    ):
        chosen = choice.first(None)
        assert chosen.chat_endpoint()[1]["x-amzn-codewhisperer-optout"] == said
        control = chosen.control_request("GetUsageLimits", {})
        assert control.headers["x-amzn-codewhisperer-optout"] == said


def test_a_host_of_a_generation_is_found_where_there_is_one() -> None:
    assert HostChoice(None, None).of("q", "eu-central-1") == host("q", "eu-central-1")
    assert HostChoice("kiro", None).of("q", "eu-central-1") is None
