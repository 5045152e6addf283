"""Identities are those of the standard library."""

import re
from uuid import NAMESPACE_URL, uuid5

from hypothesis import given
from hypothesis import strategies as st

from app.common.ids import named_id, random_id

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_a_named_id_is_the_uuid_of_its_name(name: str) -> None:
    assert named_id(name) == str(uuid5(NAMESPACE_URL, name))


def test_random_ids_differ() -> None:
    made = {random_id() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in made)
