"""Which session the beginning of an id means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from process_janitor.core.session_words import PREFIX_LEAST, NotOne, by_beginning

ids = st.text("ab1-", min_size=1, max_size=8)


@given(st.text("ab1-", max_size=8), st.lists(st.tuples(ids, ids), max_size=8))
def test_it_means_one_session_or_says_which_it_could_be(
    word: str, known: list[tuple[str, str]]
) -> None:
    fits = {now for id_, now in known if id_.startswith(word)}
    if len(word) < PREFIX_LEAST or not fits:
        assert by_beginning(word, known) == ""
    elif len(fits) == 1:
        assert {by_beginning(word, known)} == fits
    else:
        with pytest.raises(NotOne) as said:
            by_beginning(word, known)
        assert sum(name in str(said.value) for name in fits) >= min(len(fits), 5)


def test_an_earlier_id_leads_to_the_present_one() -> None:
    known = [("aaaa-1", "bbbb-2"), ("bbbb-2", "bbbb-2")]
    assert by_beginning("aaaa", known) == by_beginning("bbbb", known) == "bbbb-2"
