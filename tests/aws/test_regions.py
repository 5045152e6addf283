import pytest

from app.aws.regions import DEFAULT_REGION, is_region


@pytest.mark.parametrize(
    "name", [DEFAULT_REGION, "ap-southeast-2", "us-gov-west-1", "us-isob-east-1", "eu-new-12"]
)
def test_known_ones_and_those_to_come(name: str) -> None:
    assert is_region(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Frankfurt",
        "us-east",
        "us-east-1.evil.example",
        "evil.example/",
        "us-east-1\n",
        "us-east-١",
    ],
)
def test_no_other_text(name: str) -> None:
    assert not is_region(name)
