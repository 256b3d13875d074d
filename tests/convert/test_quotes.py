"""What offsets count."""

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spacy_rin.convert.quotes import Quote, fit_offsets


@settings(max_examples=100, deadline=None)
@given(st.text("a🌊é\r\n ", min_size=1, max_size=12), st.sampled_from(["characters", "utf-16", "one"]), st.data())
def test_offsets_of_any_count_are_understood(text: Any, count: Any, data: Any) -> None:
    """Offsets lead to what was quoted, whatever the tool counted."""

    def offset(i: Any) -> Any:
        if count == "utf-16":
            return len(text[:i].encode("utf-16-le")) // 2
        return len(text[:i].replace("\r\n", "\n")) if count == "one" else i

    quotes = []
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        # No tool that takes CR LF for one character tells them apart.
        assume(count != "one" or not any(text[i - 1 : i + 1] == "\r\n" for i in (start, end) if i))
        quotes.append(Quote([(offset(start), offset(end))], text[start:end]))
    at = fit_offsets(text, quotes)
    assert at is not None
    for quote in quotes:
        ((start, end),) = quote.pieces
        assert text[at[start] : at[end]].split() == quote.text.split()
