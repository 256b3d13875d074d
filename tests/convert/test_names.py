"""Names found in texts."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_rin.convert.names import nearest, occurrences, place, without_inner


@pytest.mark.parametrize(
    "text,name,expected",
    [
        ("Ada and Ada", "Ada", [(0, 3), (8, 11)]),
        ("Adam met Ada.", "Ada", [(9, 12)]),  # whole words before parts
        ("Adam met ada.", "Ada", [(9, 12)]),  # whole words in other case before parts
        ("Adamant", "Ada", [(0, 3)]),
        ("他住在北京市。", "北京", [(3, 5)]),
        # Chinese and Thai have no blanks between words: all of them, not only those beside punctuation.
        ("北京，我爱北京天安门。张三住在北京。", "北京", [(0, 2), (5, 7), (15, 17)]),
        ("ที่กรุงเทพฯ และกรุงเทพ", "กรุงเทพ", [(3, 10), (15, 22)]),
        ("他在IBM工作, in IBMs", "IBM", [(2, 5)]),
        ("US$5", "$5", [(2, 4)]),
        ("New\n York", "New York", [(0, 9)]),
        ("C++ and C", "C++", [(0, 3)]),
        ("a.b axb", "a.b", [(0, 3)]),
        ("İstanbul, ISTANBUL", "istanbul", [(0, 8), (10, 18)]),
        ("Ada", "Bo", []),
        ("Ada", " ", []),
        ("", "Ada", []),
    ],
)
def test_occurrences(text: str, name: str, expected: Any) -> None:
    assert occurrences(text, name) == expected


def test_place_by_offsets_and_name() -> None:
    text = "Oban, Oban and Oban"
    assert place(text, "Oban", (6, 10)) == (6, 10)
    assert place(text, None, (7, 9)) == (7, 9)
    assert place(text, "Oban", (8, 12)) == (6, 10)  # not there: the nearest one
    assert place(text, "Oban", (99, 103)) == (15, 19)
    assert place(text, "Oban", (-4, 0)) == place(text, "Oban", None) == (0, 4)
    assert place(text, "Crinan", (6, 10)) is place(text, None, (9, 99)) is place(text, None, None) is None


def test_names_inside_longer_names() -> None:
    york, new_york, city = [(4, 8), (20, 24)], [(0, 8)], [(5, 7)]
    assert without_inner([york, new_york, [], city]) == [[(20, 24)], [(0, 8)], [], [(5, 7)]]
    assert without_inner([[(0, 2)], [(1, 3)], [(0, 2)]]) == [[(0, 2)], [(1, 3)], [(0, 2)]]  # the same, and crossing


PLACES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), min_size=1, max_size=6).map(
    lambda rows: sorted({(start, start + length) for start, length in rows})
)


@given(st.lists(PLACES, max_size=4))
def test_inner_places_by_comparing_all(places: Any) -> None:
    every = {place for found in places for place in found}
    inner = {a for a in every for b in every if a != b and b[0] <= a[0] and a[1] <= b[1]}
    assert without_inner(places) == [[p for p in found if p not in inner] or found for found in places]


SAME_LENGTH = st.tuples(st.sets(st.integers(0, 60), min_size=1), st.integers(1, 4)).map(
    lambda drawn: [(start, start + drawn[1]) for start in sorted(drawn[0])]
)


@given(SAME_LENGTH, SAME_LENGTH)
def test_nearest_by_comparing_all(firsts: Any, seconds: Any) -> None:
    def gap(a: Any, b: Any) -> int:
        return int(max(b[0] - a[1], a[0] - b[1]))

    first, second = nearest(firsts, seconds)
    assert first in firsts and second in seconds
    assert gap(first, second) == min(gap(a, b) for a, b in product(firsts, seconds))
