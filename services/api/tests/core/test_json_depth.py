import json

from hypothesis import given
from hypothesis import strategies as st

from lightmill.api.core.json_depth import nests_deeper

DOCUMENTS = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(DOCUMENTS, st.integers(0, 6))
def test_the_depth_is_that_of_the_document(document: object, deepest: int) -> None:
    text = json.dumps(document).encode()
    assert nests_deeper(text, deepest) is (depth(document) > deepest)


def test_brackets_in_texts_do_not_count() -> None:
    assert not nests_deeper(json.dumps({"a": "[" * 100 + '"\\'}).encode(), 1)


def test_a_text_without_an_end_is_read_once() -> None:
    assert not nests_deeper(b'"' + b'\\"' * 1_000_000)
