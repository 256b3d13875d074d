"""Groups of texts, against what can be seen by hand, and a dense reference."""

from itertools import product
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spacy_rin.groups import link_texts


def test_texts_with_a_common_trait_are_a_group() -> None:
    facts = ["ab", "c", "", "bd", "e", "de", ""]  # 0 and 3 have b, 3 and 5 have d, 4 and 5 have e
    assert link_texts(facts) == [0, 1, 2, 0, 0, 0, 6]


@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=12))
def test_groups_are_connected_components(facts: Any) -> None:
    n = len(facts)
    linked = np.array([[i == j or bool(facts[i] & facts[j]) for j in range(n)] for i in range(n)]).reshape(n, n)
    reached = np.linalg.matrix_power(linked.astype(float), max(n, 1)) > 0 if n else linked
    groups = link_texts(facts)
    assert all((groups[i] == groups[j]) == reached[i, j] for i, j in product(range(n), repeat=2))
