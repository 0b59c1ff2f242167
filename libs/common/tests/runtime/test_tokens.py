import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightmill.runtime.ids import new_id
from lightmill.runtime.tokens import digest, new_token, parse, verify


def test_a_token_holds_its_id_and_a_secret_that_its_digest_knows() -> None:
    new = new_token()
    parsed = parse(new.token)
    assert parsed is not None
    assert parsed.id == new.id
    assert new.token == f"lm_{parsed.id}_{parsed.secret}"
    assert verify(parsed.secret, new.digest)
    assert len(new.digest) == 64


def test_another_secret_is_refused() -> None:
    assert not verify("another", new_token().digest)


def test_no_two_are_alike() -> None:
    assert len({new_token().token for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["", "lm_", "Bearer x", "lm_1_2", new_token().token + "\n"])
def test_what_is_no_token_is_told_from_one(text: str) -> None:
    assert parse(text) is None


@given(st.text())
def test_any_text_is_parsed_without_an_error(text: str) -> None:
    parse(text)
    assert len(digest(text.encode(errors="replace").decode())) == 64


def test_ids_sort_by_age() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {36}
