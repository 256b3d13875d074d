"""HTML and SVG: what comes from outside stays text."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_rin.errors import SettingError
from spacy_rin.markup import color_scheme, element, printable, to_html, to_svg


def test_content_keeps_its_order() -> None:
    made = element("p", "a ", element("b", "<", title='"<'), " & ", "c", element("i"), "d", class_="x", data_n=1.25)
    assert to_svg(made) == '<p class="x" data-n="1.2">a <b title="&quot;&lt;">&lt;</b> &amp; c<i />d</p>'
    assert to_html(made).endswith("c<i></i>d</p>")


def test_empty_elements_of_html_are_not_closed() -> None:
    page = element("html", element("meta", charset="utf-8"), element("style", "a > b { }"), element("td"))
    assert to_html(page) == '<html><meta charset="utf-8"><style>a > b { }</style><td></td></html>'


class Text(HTMLParser):
    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.data = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.data += data


@given(st.text(), st.text())
def test_any_text_comes_back(text: str, other: str) -> None:
    """Control characters, which readers could not see, come back as the replacement character."""
    made = element("p", text, element("b", other), other, title=text)
    page = Text(to_html(made))
    assert page.tags == ["p", "b"] and page.attributes == [("title", printable(text))]
    assert page.data == printable(text + other + other)
    again = ElementTree.fromstring(to_svg(made))
    assert "".join(again.itertext()) == printable(text + other + other)
    assert again.get("title") == printable(text)


@pytest.mark.parametrize("char", ["\x00", "\x07", "\x1b", "\r", "\x7f", "\x85", "\ufffe", "\ud800"])
def test_control_characters_are_shown_as_unknown(char: str) -> None:
    markup = to_html(element("p", f"a{char}b", title=char))
    assert markup == '<p title="\ufffd">a\ufffdb</p>'
    markup.encode("utf8")
    assert printable("a\0b\x1b\x85\ud800\tc\n") == "a\ufffdb\ufffd\ufffd\ufffd\tc\n"
    assert printable("a\tb\nc שלום 👩‍👩‍👧") == "a\tb\nc שלום 👩‍👩‍👧"


def test_color_scheme() -> None:
    assert [color_scheme(theme) for theme in ("auto", "light", "dark")] == ["light dark", "light", "dark"]
    with pytest.raises(SettingError, match="R010"):
        color_scheme("sepia")
