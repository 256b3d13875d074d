"""Names of entities found in texts, for formats that give names instead of offsets, or offsets that can be wrong."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence

Offsets = tuple[int, int]  # start and end (exclusive), of characters or of tokens

# A letter or digit of a script that puts blanks between words, unlike Chinese, Japanese, Thai, Lao, Burmese and Khmer
_LETTER = r"[^\W\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\uabff\uf900-\ufaff\U00020000-\U0003ffff]"


def name_pattern(name: str) -> tuple[str, str, str]:
    """Make a regular expression for a name, in which any white space stands for any white space of a text.

    Args:
        name (str): The name, which must have a word.

    Returns:
        tuple[str, str, str]: What must be true before it so that no word is cut, the name, and what must be true after.
            In scripts that put no blanks between words, a name may stand beside any letter.
    """
    words = name.split()
    before = rf"(?<!{_LETTER})" if re.match(_LETTER, words[0]) else ""
    after = rf"(?!{_LETTER})" if re.match(_LETTER, words[-1][-1]) else ""
    return before, r"\s+".join(map(re.escape, words)), after


def occurrences(text: str, name: str) -> list[Offsets]:
    """Find a name in a text. Any white space of the name stands for any white space of the text.

    Args:
        text (str): The text.
        name (str): The name.

    Returns:
        list[Offsets]: Where the name is, in order. If it is there as whole words, parts of words are left out; if it
            is there only in other case, that is taken.
    """
    if not name.split():
        return []
    before, pattern, after = name_pattern(name)
    for form in (before + pattern + after, pattern):
        for flags in (0, re.IGNORECASE):
            if found := [match.span() for match in re.finditer(form, text, flags)]:
                return found
    return []


def place(text: str, name: str | None, offsets: Offsets | None) -> Offsets | None:
    """Get the place of a name in a text, by its offsets if the text has the name there.

    Args:
        text (str): The text.
        name (str | None): The name; None if only offsets are given.
        offsets (Offsets | None): Where it should be; None if only the name is given.

    Returns:
        Offsets | None: The offsets, or else the nearest place of the name: the first one if there are no offsets. None
            if the text does not have the name.
    """
    if offsets and 0 <= offsets[0] < offsets[1] <= len(text) and name in (None, text[slice(*offsets)]):
        return offsets
    wanted = offsets[0] if offsets else 0
    return min(occurrences(text, name or ""), key=lambda found: abs(found[0] - wanted), default=None)


def without_inner(places: Iterable[Iterable[Offsets]]) -> list[list[Offsets]]:
    """Leave out the places of names that lie inside a longer name, unless a name has no other place.

    Args:
        places (Iterable[Iterable[Offsets]]): The places of each name.

    Returns:
        list[list[Offsets]]: Those that are left.
    """
    all_places = [list(found) for found in places]
    inner, reach = set(), -1
    # Of names that start together, the longer one comes first.
    for start, end in sorted(
        {place for found in all_places for place in found}, key=lambda place: (place[0], -place[1])
    ):
        if end <= reach:
            inner.add((start, end))
        reach = max(reach, end)
    return [[place for place in found if place not in inner] or found for found in all_places]


def nearest(firsts: Sequence[Offsets], seconds: Sequence[Offsets]) -> tuple[Offsets, Offsets]:
    """Get the two places of two names that are nearest to each other.

    Args:
        firsts (Sequence[Offsets]): The places of one name, in order; at least one.
        seconds (Sequence[Offsets]): The places of the other, in order; at least one.

    Returns:
        tuple[Offsets, Offsets]: The place of each. If several pairs are equally near, the first one.
    """
    pairs = []
    for first in firsts:
        index = bisect_left(seconds, first)
        pairs += [(first, second) for second in seconds[max(index - 1, 0) : index + 1]]
    return min(pairs, key=lambda pair: max(pair[1][0] - pair[0][1], pair[0][0] - pair[1][1]))
