"""Label Studio: several results of a region, HTML, and tasks with several texts."""

from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import convert
from spacy_rin.errors import FileError, SettingError

from ..support import run
from .support import spans_of, triples_of, write_json


def result(ident: str, kind: str, to_name: str = "text", **value: Any) -> dict[str, Any]:
    return {"id": ident, "from_name": kind, "to_name": to_name, "type": kind, "value": value}


MET = {"from_id": "a", "to_id": "b", "type": "relation", "labels": ["met"]}


def task(folder: Path, data: dict[str, Any], *results: dict[str, Any]) -> Path:
    return write_json(folder / "a.json", {"data": data, "annotations": [{"result": list(results)}]})


def region(ident: str, start: int, text: str, to_name: str = "text", label: str = "P") -> dict[str, Any]:
    return result(ident, "labels", to_name, start=start, end=start + len(text), text=text, labels=[label])


ADA, BOB = region("a", 0, "Ada"), region("b", 8, "Bob")


@pytest.mark.parametrize(
    "more,labels",
    [
        (result("a", "labels", start=0, end=3, labels=["X"]), ["P", "X"]),  # two controls
        (result("a", "labels", start=0, end=3, labels=["P"]), ["P"]),
        (result("a", "rating", start=0, end=3, rating=4), ["P"]),
        (result("a", "choices", start=0, end=3, choices=["sure"]), ["P"]),
        (result("a", "textarea", start=0, end=3, text=["a note"]), ["P"]),
        (result("a", "textarea", start=0, end=3, text="a note"), ["P"]),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_results_of_one_region(tmp_path: Path, more: Any, labels: list[str], first: bool) -> None:
    results = [more, ADA, BOB, MET] if first else [ADA, BOB, MET, more]
    (doc,), report = convert(task(tmp_path, {"text": "Ada met Bob."}, *results))
    assert sorted(label for start, _, label in spans_of(doc) if start == 0) == labels
    assert triples_of(doc) == [("Ada", "met", "Bob")] and not report.ignored


def html(ident: str, start: int, end: int, text: str | None, kind: str = "hypertextlabels") -> dict[str, Any]:
    path = {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]", "startOffset": 1, "endOffset": 2}
    return result(ident, kind, **path, globalOffsets={"start": start, "end": end}, text=text, **{kind: ["P"]})


@pytest.mark.parametrize("kind", ["hypertextlabels", "labels"])
@pytest.mark.parametrize(
    "text,shown,first,second",
    [
        ("<p>Ada &amp; <b>co</b> met<br/>Bob.</p>", "Ada & co met\nBob.", (0, 8, "Ada & co"), (13, 16, "Bob")),
        ("<p>Ada &amp; <b>co</b> met<br>Bob.</p>", "Ada & co met\nBob.", (0, 8, None), (13, 16, None)),
        (
            "<head><title>Hi</title></head>\n<body><style>p {}</style><p>Ada met <script>x()</script>Bob.</body>",
            "Ada met Bob.",
            (0, 3, "Ada"),
            (8, 11, "Bob"),
        ),
        ("<style>p {}</style>Ada met Bob.", "p {}Ada met Bob.", (4, 7, "Ada"), (12, 15, "Bob")),
        ("Ada met Bob.", "Ada met Bob.", (0, 3, "Ada"), (8, 11, "Bob")),
        ("<Ada> met Bob.", "<Ada> met Bob.", (1, 4, "Ada"), (10, 13, "Bob")),
    ],
)
def test_html(tmp_path: Path, kind: str, text: str, shown: str, first: Any, second: Any) -> None:
    path = task(tmp_path, {"text": text}, html("a", *first, kind), html("b", *second, kind), MET)
    (doc,), report = convert(path)
    assert doc.text == shown and len(spans_of(doc)) == 2 and not report.ignored
    assert triples_of(doc) == [(shown[slice(*first[:2])], "met", shown[slice(*second[:2])])]


def test_regions_without_a_place_are_not_passed_over(tmp_path: Path) -> None:
    """Without its regions, the text would be an example of a text without relations."""
    unplaced = html("a", 0, 3, "Ada")
    del unplaced["value"]["globalOffsets"]
    paragraph = result("a", "paragraphlabels", start="0", end="0", startOffset=0, endOffset=3, paragraphlabels=["P"])
    for item, what in ((unplaced, "regions by XPath without globalOffsets"), (paragraph, "paragraphs")):
        tasks = [
            {"data": {"text": "Ada met Bob."}, "annotations": [{"result": results}]}
            for results in ([ADA, BOB, MET], [item, BOB, MET])
        ]
        docs, report = convert(write_json(tmp_path / "a.json", tasks))
        assert len(docs) == 1 and report.ignored.total() == 1 and what in next(iter(report.ignored))


TWO = {"title": "Ada's day", "body": "Bob met Ada. Ada left."}


def test_text_field(tmp_path: Path) -> None:
    regions = [region("b", 0, "Bob", "b"), region("a", 8, "Ada", "b"), region("t", 0, "Ada", "t")]
    relations = [{**MET, "from_id": "b", "to_id": "a"}, {**MET, "from_id": "t", "to_id": "a"}]
    path = task(tmp_path, TWO, *regions, *relations)
    with pytest.raises(FileError, match=r"^\[R030\] .*it has: title, body. Choose one with --text-field"):
        convert(path)
    (doc,), report = convert(path, text_field="body")
    assert triples_of(doc) == [("Bob", "met", "Ada")]
    assert report.ignored == {"regions of other texts": 1, "relations of other regions": 1}
    (doc,), report = convert(path, text_field="title")
    assert doc.text == TWO["title"] and [span.text for span in doc.spans["rin"]] == ["Ada"]
    with pytest.raises(FileError, match=r"'data' has no field 'text' with a string; it has: title, body"):
        convert(path, text_field="text")
    assert run("convert", path, tmp_path / "out.spacy", "--text-field", "body").exit_code == 0


def test_text_field_of_regions_that_fit_several(tmp_path: Path) -> None:
    path = task(
        tmp_path, {"x": "Ada met Bob", "y": "Ada met Bob"}, region("a", 0, "Ada", "v"), region("b", 8, "Bob", "w")
    )
    with pytest.raises(FileError, match="not clear which field the regions of 'v' are of"):
        convert(path, text_field="x")
    path = task(
        tmp_path, {"x": "Ada met Bob", "y": "Ada met Bob"}, region("a", 0, "Ada", "x"), region("b", 8, "Bob", "y")
    )
    (doc,), _ = convert(path, text_field="x")
    assert [span.text for span in doc.spans["rin"]] == ["Ada"]


def test_options_of_other_formats(tmp_path: Path) -> None:
    path = task(tmp_path, {"text": "Ada met Bob."}, ADA, BOB, MET)
    with pytest.raises(SettingError, match=r"^\[R010\] Setting 'roles' must be left out.*'label_studio': only 'brat'"):
        convert(path, roles=[("From", "To")])
    path = write_json(tmp_path / "b.jsonl", {"text": "a", "entities": [], "relations": []})
    with pytest.raises(SettingError, match=r"^\[R010\] Setting 'text_field' must be left out"):
        convert(path, text_field="text")
