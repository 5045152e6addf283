from app.web.headers import MAX_LISTING, fitting, listing


def test_names_are_listed_once_in_order() -> None:
    assert listing(["b", "a", "b"]) == "b,a"


def test_names_are_percent_encoded() -> None:
    assert listing(["top k", "model:gpt-5", "a~b", "größe"]) == (
        "top%20k,model%3Agpt-5,a%7Eb,gr%C3%B6%C3%9Fe"
    )


def test_a_long_listing_ends_with_how_many_are_left_out() -> None:
    names = [f"name-{number:04}" for number in range(500)]
    text = listing(names)
    shown, _, rest = text.rpartition(",+")
    assert len(text) <= MAX_LISTING
    assert len(shown.split(",")) + int(rest) == 500
    assert shown.split(",") == names[: len(shown.split(","))]
    assert len(text) + len(",name-0000") > MAX_LISTING


def test_one_name_that_is_too_long_alone() -> None:
    assert listing(["x" * 2000]) == "+1"
    assert listing([" " * 2000]) == "+1"


def test_for_the_log_names_are_bounded_alike_and_not_encoded() -> None:
    assert fitting(["top k", "b", "top k"]) == ["top k", "b"]
    names = [f"name-{number:04}" for number in range(500)]
    assert ",".join(fitting(names)) == listing(names)
