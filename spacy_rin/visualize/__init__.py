"""Draw the entities and relations of Docs."""

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from spacy import displacy
from spacy.tokens import Doc, Span
from spacy.util import is_in_jupyter

from ..errors import Errors, RinError, SettingError
from ..markup import element, to_html, to_svg
from ..relations import has_relations
from .arcs import draw_arcs
from .colors import Palette
from .content import Options, content_of
from .graph import draw_graph

STYLES = ("rel", "graph")


def render(
    docs: Doc | Span | Iterable[Doc | Span],
    style: str = "rel",
    *,
    page: bool = False,
    jupyter: bool | None = None,
    options: Mapping[str, Any] | None = None,
) -> str | None:
    """Draw the entities and relations of Docs. Works like `displacy.render`, and shows the picture in a notebook.

    Args:
        docs (Doc | Span | Iterable[Doc | Span]): What to draw. For a Span, only relations inside it are drawn.
        style (str): "rel" draws each text with arcs from subjects to objects. "graph" draws one network of all
            entities.
        page (bool): Whether to return a whole HTML page, which can be saved as a file.
        jupyter (bool | None): Whether to show the picture in a notebook. None detects a notebook.
        options (Mapping[str, Any] | None): Options by name, see `Options`.

    Returns:
        str | None: The SVG pictures, one after the other, or the HTML page. None if they are shown in a notebook.

    Raises:
        SettingError: R010 for a wrong style or value, R070 for an unknown option.
        RinError: R071 for an object that is not a Doc or Span, R072 if the relations attribute is not set on any Doc.
    """
    if style not in STYLES:
        raise SettingError(Errors.R010, name="style", expected=f"one of {', '.join(STYLES)}", value=style)
    checked = Options.of(options or {})
    texts = _texts(docs)
    if texts and not any(has_relations(text.doc, checked.attr) for text in texts):
        raise RinError(Errors.R072, attr=checked.attr)
    contents = [content_of(text, checked) for text in texts]
    colors = Palette(contents, checked)
    if style == "graph":
        pictures = [draw_graph(contents, checked, colors)]
    else:
        pictures = [draw_arcs(content, checked, colors) for content in contents]
    html = _page(pictures, colors.css(checked.font)) if page else "".join(map(to_svg, pictures))
    if displacy.RENDER_WRAPPER is not None:
        html = displacy.RENDER_WRAPPER(html)
    if jupyter or (jupyter is None and is_in_jupyter()):
        from IPython.display import HTML, display

        # With this class, the notebook does not render text between dollar signs as formulas.
        display(HTML(f'<span class="tex2jax_ignore">{html}</span>'))
        return None
    return html


def _texts(docs: Any) -> list[Span]:
    texts = [docs] if isinstance(docs, (Doc, Span)) or not isinstance(docs, Iterable) else list(docs)
    for text in texts:
        if not isinstance(text, (Doc, Span)):
            raise RinError(Errors.R071, value=text)
    return [text[:] if isinstance(text, Doc) else text for text in texts]


def _page(pictures: list[Element], style: str) -> str:
    figures = [element("figure", drawn, style="margin: 0 0 3rem") for drawn in pictures]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", "Entities and relations"),
        element("meta", name="viewport", content="width=device-width"),
    )
    html = element("html", head, element("body", *figures, style="margin: 1rem"), style=style)
    return f"<!DOCTYPE html>\n{to_html(html)}"
