"""The order of grants is proved by what they replaced, not by clocks and counters."""

from itertools import permutations

from app.credentials import lineage
from app.credentials.model import Grant


def grant(name: str, expires_at: float = 0.0, generation: int = 0) -> Grant:
    return Grant(f"at-{name}", f"rt-{name}", expires_at=expires_at, generation=generation)


def test_what_replaced_another_is_newer_whatever_clocks_and_counters_say() -> None:
    first = grant("1", expires_at=9e9, generation=7)
    second = lineage.succeeding(grant("2", expires_at=1.0, generation=1), [first])
    third = lineage.succeeding(grant("3"), [second])
    for order in permutations([first, second, third]):
        assert lineage.candidates(order) == [third]


def test_without_proof_both_are_candidates_and_the_later_one_comes_first() -> None:
    early, late = grant("a", expires_at=1.0), grant("b", expires_at=2.0)
    assert lineage.candidates([early, late]) == lineage.candidates([late, early]) == [late, early]


def test_grants_that_claim_to_replace_each_other_prove_nothing() -> None:
    one, two = grant("1"), grant("2")
    each = [lineage.succeeding(one, [two]), lineage.succeeding(two, [one])]
    assert len(lineage.candidates(each)) == 2


def test_of_one_refresh_token_the_later_access_token_is_used() -> None:
    before = Grant("at-1", "rt", expires_at=10.0, ancestors=("x",))
    after = Grant("at-2", "rt", expires_at=20.0)
    (merged,) = lineage.candidates([before, after])
    assert (merged.access_token, merged.ancestors) == ("at-2", ("x",))


def test_the_memory_of_ancestors_is_bounded_and_keeps_the_latest() -> None:
    current = grant("0")
    for number in range(1, 100):
        current = lineage.succeeding(grant(str(number)), [current])
    assert len(current.ancestors) == 32
    assert current.ancestors[0] == lineage.name(grant("98"))
