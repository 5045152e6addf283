"""``GET /v1/models``: what is listed can be asked for, by every name that it has."""

from typing import Any, get_args

import pytest
from anthropic.types import ModelInfo
from anthropic.types.beta import BetaModelCapabilities
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel

from app.common.errors import GatewayError, Kind
from app.models.names import Names
from app.pages import models as catalogue

DEFAULT, ALIASES = "new-1", {"Fast": "claude-haiku-4-5"}
NAMES = Names(default=DEFAULT, aliases=ALIASES)


def client(*, without: str = "") -> FlaskClient:
    app = Flask(__name__)
    app.testing = True  # failures are raised here, and not answered
    app.register_blueprint(catalogue.blueprint(lambda: NAMES, lambda model: model != without))
    return app.test_client()


def get(asking: FlaskClient, path: str) -> Any:
    return asking.get(path).get_json()


def ids(answer: Any) -> list[str]:
    return [view["id"] for view in answer["data"]]


def test_everything_listed_can_be_asked_for() -> None:
    asking = client()
    listed = ids(get(asking, "/v1/models"))
    assert {"Fast", "new-1", "claude-opus-5"} < set(listed)
    assert [get(asking, f"/v1/models/{name}")["id"] for name in listed] == listed


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("FAST", "Fast"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5-20250929"),
        ("anthropic/claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("New-1", "new-1"),
    ],
)
def test_a_model_is_found_by_its_other_names(name: str, model: str) -> None:
    assert get(client(), f"/v1/models/{name}")["id"] == model


@pytest.mark.parametrize("name", ["gpt-4o", "claude-opus-9", "glm-5", "GLM-5"])
def test_what_a_client_may_not_use_is_not_there(name: str) -> None:
    asking = client(without="glm-5")
    with pytest.raises(GatewayError, match=name) as failure:
        asking.get(f"/v1/models/{name}")
    assert (failure.value.kind, failure.value.code) == (Kind.NOT_FOUND, "model_not_found")
    assert "glm-5" not in ids(get(asking, "/v1/models"))


def test_a_model_has_all_that_its_list_says() -> None:
    view = get(client(), "/v1/models/claude-sonnet-5-5")
    assert view["display_name"] == "Claude Sonnet 5.5"
    assert (view["max_input_tokens"], view["max_tokens"]) == (1_000_000, 128_000)
    assert (view["line"], view["credit_rate"]) == ("sonnet", 1.3)
    assert view["efforts"] == ["low", "medium", "high", "xhigh", "max"]
    assert (view["default_effort"], view["input_types"]) == ("high", ["text", "image"])
    capabilities = view["capabilities"]
    assert capabilities["image_input"] == {"supported": True}
    assert capabilities["effort"]["xhigh"] == {"supported": True}
    types = capabilities["thinking"]["types"]
    assert {name for name, one in types.items() if one["supported"]} == {
        "adaptive", "between_tools", "enabled",
    }  # fmt: skip
    plain = get(client(), "/v1/models/glm-5")
    assert plain["capabilities"]["image_input"] == {"supported": False}
    assert plain["capabilities"]["effort"]["supported"] is False
    assert plain["line"] is None


def test_the_capabilities_are_those_of_the_sdk_and_all_of_them() -> None:
    """What a type of the SDK requires is there; null is what nobody states."""

    def check(value: Any, kind: type[BaseModel]) -> None:
        assert value.keys() == kind.model_fields.keys()
        for name, field in kind.model_fields.items():
            inner = [one for one in (field.annotation, *get_args(field.annotation)) if one]
            types = [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]
            if types and value[name] is not None:
                check(value[name], types[0])

    for row in get(client(), "/v1/models")["data"]:
        check(row["capabilities"], BetaModelCapabilities)
        assert ModelInfo.construct(**row).id == row["id"]
        assert set(ModelInfo.model_fields) - {"deprecated_at", "retires_at"} <= row.keys()


class TestPages:
    """Anthropic's cursors; OpenAI's SDK asks for one page and must get all."""

    def page(self, **query: str | int) -> Any:
        answer = client().get("/v1/models", query_string=query)
        assert answer.status_code == 200
        return answer.get_json()

    def test_without_a_cursor_all_come(self) -> None:
        page = self.page()
        assert (page["object"], page["has_more"]) == ("list", False)
        assert (page["first_id"], page["last_id"]) == (ids(page)[0], ids(page)[-1])

    def test_forwards(self) -> None:
        everything, found = ids(self.page()), []
        page = self.page(limit=3)
        while True:
            found += ids(page)
            if not page["has_more"]:
                break
            page = self.page(limit=3, after_id=page["last_id"])
        assert found == everything

    def test_backwards(self) -> None:
        everything = ids(self.page())
        page = self.page(limit=2, before_id=everything[4])
        assert (ids(page), page["has_more"]) == (everything[2:4], True)
        page = self.page(limit=2, before_id=everything[2])
        assert (ids(page), page["has_more"]) == (everything[:2], False)

    def test_an_empty_page_has_no_cursors(self) -> None:
        page = self.page(after_id=ids(self.page())[-1])
        assert (page["data"], page["first_id"], page["last_id"]) == ([], None, None)

    @pytest.mark.parametrize(
        "limit", ["²", "٣", "0", "1001", "-1", "1_0", " 1", "x", "9" * 4000, ""]
    )
    def test_a_wrong_limit(self, limit: str) -> None:
        with pytest.raises(GatewayError) as failure:
            client().get("/v1/models", query_string={"limit": limit})
        assert (failure.value.kind, failure.value.field) == (Kind.INVALID_REQUEST, "limit")

    @pytest.mark.parametrize("name", ["after_id", "before_id"])
    def test_a_wrong_cursor(self, name: str) -> None:
        with pytest.raises(GatewayError, match="there is no model 'gone'") as failure:
            client().get("/v1/models", query_string={name: "gone"})
        assert (failure.value.kind, failure.value.field) == (Kind.INVALID_REQUEST, name)

    def test_a_limit_with_leading_zeros(self) -> None:
        assert len(self.page(limit="0002")["data"]) == 2
