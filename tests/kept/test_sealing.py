"""Names and encryption of kept values."""

from app.kept.sealing import Sealer

ONE, OTHER = Sealer(b"1" * 32), Sealer(b"2" * 32)


def test_only_the_same_key_opens_a_value():
    name = ONE.name("owner", "resp_1")
    sealed = ONE.seal(name, b"a prompt")
    assert Sealer(b"1" * 32).open(name, sealed) == b"a prompt"
    assert OTHER.open(name, sealed) is None


def test_a_value_is_bound_to_its_name():
    sealed = ONE.seal(ONE.name("owner", "resp_1"), b"a prompt")
    assert ONE.open(ONE.name("owner", "resp_2"), sealed) is None
    assert ONE.open(ONE.name("other", "resp_1"), sealed) is None


def test_what_was_changed_or_cut_is_not_opened():
    name = ONE.name("owner", "resp_1")
    sealed = ONE.seal(name, b"a prompt")
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for wrong in (changed, sealed[:-1], sealed[:5], b""):
        assert ONE.open(name, wrong) is None


def test_neither_name_nor_value_shows_anything():
    name = ONE.name("owner", "resp_1")
    sealed = ONE.seal(name, b"a prompt" * 100)
    assert ONE.seal(name, b"a prompt" * 100) != sealed
    for shown in (name, sealed, repr(ONE).encode()):
        assert b"owner" not in shown
        assert b"resp_1" not in shown
        assert b"prompt" not in shown
