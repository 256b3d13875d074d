"""Write an evaluation as a single HTML page, without scripts or external resources."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any

from ..characters import printable
from ..relations import Relation
from .evaluate import Evaluation, Judged
from .scorer import Row
from .verdicts import NO_RELATION, Verdict
from .wording import NOVELTY_TITLES, PATTERN_TITLES, TITLES, VERDICT_TITLES, by_count, percent

BLUE, RED = "#2f7fd1", "#b3261e"
# The plotting area of a diagram, in pixels.
WIDTH, HEIGHT, LEFT, TOP = 420, 300, 50, 15
MAX_TEXTS = 50
MAX_CONFUSED = 15
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff; max-width: 1000px; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; border-bottom: 1px solid #d5dde5; }
p { max-width: 46rem; } code { color: #5b6b7b; font-size: .85em; }
table { border-collapse: collapse; margin: .8rem 0; } th, td { padding: .15rem .7rem; text-align: right; }
th { color: #5b6b7b; font-weight: 600; border-bottom: 1px solid #d5dde5; }
th:first-child, td:first-child, .left { text-align: left; } tr:nth-child(even) td { background: #f6f8fa; }
.scroll { overflow-x: auto; } .scroll th { white-space: nowrap; }
td.right { background: #d7f0dd !important; } td.wrong { background: #fbe3e0 !important; }
.text { border: 1px solid #d5dde5; border-radius: 6px; padding: .6rem .9rem; margin: 1rem 0; break-inside: avoid; }
.text p { max-width: none; margin: 0 0 .5rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.text ul { margin: 0; padding-left: 1.2rem; }
mark { background: none; color: inherit; padding: 0 .1em; } mark.predicted { background: #fde9b6; }
mark.gold { border-bottom: 3px solid #2f7fd1; }
.kind { display: inline-block; min-width: 8.5em; font-weight: 600; } .right .kind { color: #2b7a3d; }
.missed .kind { color: #1c5fa8; } .spurious .kind { color: #a35a00; }
.wrong_label .kind, .wrong_boundary .kind { color: #b3261e; }
svg text { font: 12px system-ui, sans-serif; fill: #5b6b7b; }
"""


class Markup(str):
    """HTML markup. Strings of other types are escaped when they are put into an element."""


def element(name: str, *content: str, **attributes: object) -> Markup:
    """Make an HTML element.

    Args:
        name (str): Name of the element.
        *content (str): Its content. Strings that are not `Markup` are escaped, and control characters are replaced.
        **attributes (object): Its attributes. "_" in a name becomes "-"; a trailing "_" is removed.

    Returns:
        Markup: The element.
    """
    inner = "".join(part if isinstance(part, Markup) else escape(printable(part)) for part in content)
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(printable(str(v)))}"' for key, v in attributes.items()
    )
    return Markup(f"<{name}{given}>{inner}</{name}>")


def render_html(evaluation: Evaluation, *, model: str, data: str) -> str:
    """Write an evaluation as an HTML page.

    Args:
        evaluation (Evaluation): The evaluation.
        model (str): Name of the pipeline.
        data (str): Name of the data.

    Returns:
        str: The page.
    """
    scores = evaluation.scores
    own = scores["thresholds"]
    settings = f"Threshold {scores['threshold']:g}" + (f", {len(own)} relations have separate ones" if own else "")
    body = [
        element("h1", f"{model} on {data}"),
        element("p", f"{scores['texts']:,} texts. {settings}. P, R and F1 are percentages. JSON keys are in grey."),
        *_section("Scores", _matches(scores)),
        *_section("Triples, right and wrong", _verdicts(scores), name="rel_verdicts"),
        *_groups(scores),
        *_novelty(scores),
        *_section(
            "Thresholds",
            element("p", "Exact match with one threshold for all relations. The ring shows the current thresholds."),
            *_thresholds(scores),
            name="rel_exact_per_threshold",
        ),
        *_section("Probabilities", *_calibration(scores["rel_calibration"]), name="rel_calibration"),
        *_section(
            "Relations",
            _table("relation", by_count(scores["rel_exact_per_type"])),
            name="rel_exact_per_type",
        ),
        *_section("Confused relations", *_confusion(scores["rel_confusion"]), name="rel_confusion"),
        *_section("Entities", _entities(scores.get("ents_per_type") or {}), name="ents_per_type"),
        *_section("Texts with the most errors", *_texts(evaluation.judged)),
    ]
    head = Markup(
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    title = element("title", f"{model} on {data}")
    style = element("style", Markup(STYLE))
    page = element("html", element("head", head, title, style), element("body", *body), lang="en")
    return f"<!DOCTYPE html>\n{page}\n"


def _section(title: str, *content: Markup, name: str = "") -> Iterable[Markup]:
    code = [" ", element("code", name)] if name else []
    return element("h2", title, *code), *content


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Make a table. A cell is a string, or Markup: the content of a "td" or a whole "td"."""
    lines = [element("tr", *(element("th", name) for name in header))]
    for row in rows:
        cells = (cell if cell.startswith("<td") and isinstance(cell, Markup) else element("td", cell) for cell in row)
        lines.append(element("tr", *cells))
    return element("div", element("table", *lines), class_="scroll")


def _table(title: str, rows: Iterable[tuple[str, Row]], texts: bool = False) -> Markup:
    header = [title, *(["texts"] if texts else []), "P", "R", "F1", "gold", "predicted", "right"]
    return _grid(header, ([name, *_cells(row, texts)] for name, row in rows))


def _cells(row: Row, texts: bool = False) -> list[str]:
    counts = [f"{row[key]:,}" for key in ("gold", "predicted", "right")]
    return [*([f"{row['texts']:,}"] if texts else []), *(percent(row[letter]) for letter in "prf"), *counts]


def _matches(scores: Mapping[str, Any]) -> Markup:
    rows = []
    for name, title in TITLES.items():
        if scores.get(f"{name}_f") is not None:
            counts = scores["counts"].get(name, {})
            numbers = (f"{counts[key]:,}" if key in counts else "" for key in ("gold", "predicted", "right"))
            values = (percent(scores[f"{name}_{letter}"]) for letter in "prf")
            rows.append([element("td", f"{title} ", element("code", name)), *values, *numbers])
    return _grid(["", "P", "R", "F1", "gold", "predicted", "right"], rows)


def _verdicts(scores: Mapping[str, Any]) -> Markup:
    return _grid(["", "triples"], ([VERDICT_TITLES[kind], f"{n:,}"] for kind, n in scores["rel_verdicts"].items()))


def _groups(scores: Mapping[str, Any]) -> Iterable[Markup]:
    for key, title, unit in (
        ("per_pattern", "Overlap of triples", "texts with"),
        ("per_count", "Triples of a text", "triples"),
        ("per_length", "Length of a text", "tokens"),
    ):
        name = f"rel_exact_{key}"
        rows = ((PATTERN_TITLES.get(member, member), row) for member, row in scores[name].items())
        yield from _section(title, _table(unit, rows, texts=True), name=name)


def _novelty(scores: Mapping[str, Any]) -> Iterable[Markup]:
    """Write the scores of known and new triples, if the training data are known."""
    name = "rel_exact_per_novelty"
    if name not in scores:
        return
    groups, whole = scores[name], scores["counts"]["rel_exact"]["gold"]
    share = percent(groups["triple"]["gold"] / whole if whole else None)
    yield from _section(
        "Known and new triples",
        element(
            "p",
            f"Triples by what of them stood in the training data, compared as text. Of {whole:,} gold triples, "
            f"{share} % stood there. A table of its facts, without a network, has F1 {percent(scores['rel_table_f'])} "
            "by text.",
        ),
        _table("stood in the training data", ((NOVELTY_TITLES[group], row) for group, row in groups.items())),
        name=name,
    )


def _thresholds(scores: Mapping[str, Any]) -> Iterable[Markup]:
    rows = scores["rel_exact_per_threshold"]
    present = {key: scores[f"rel_exact_{key}"] for key in "pr"}
    yield _curve(rows, present)
    yield _table("threshold", ((f"{t:.1f}", rows[f"{t:.2f}"]) for t in (step / 10 for step in range(1, 10))))


def _curve(rows: Mapping[str, Row], present: Mapping[str, float]) -> Markup:
    """Draw the precision-recall curve."""
    found = {threshold: row for threshold, row in rows.items() if row["predicted"]}
    points = " ".join("{},{}".format(*_at(row["r"], row["p"])) for row in found.values())
    parts = [element("polyline", points=points, fill="none", stroke=BLUE, stroke_width=2)]
    for threshold, row in found.items():
        if threshold.endswith("0"):
            x, y = _at(row["r"], row["p"])
            hint = element("title", f"threshold {threshold}: P {percent(row['p'])}, R {percent(row['r'])}")
            parts.append(element("circle", hint, cx=x, cy=y, r=3.5, fill=BLUE))
    x, y = _at(present["r"], present["p"])
    parts.append(element("circle", cx=x, cy=y, r=7, fill="none", stroke=RED, stroke_width=2))
    return _diagram("Precision-recall curve", "recall", "precision", parts)


def _calibration(calibration: Mapping[str, Any]) -> Iterable[Markup]:
    """Write what probabilities mean: numbers, the reliability diagram and its table."""
    if not calibration["bins"]:
        yield element("p", "No triples were found.")
        return
    confident = calibration["confident"]
    yield element(
        "p",
        f"Expected calibration error: {percent(calibration['ece'])}. Of {confident['count']:,} triples with a "
        f"probability above {confident['from']:g}, {percent(confident['right'])} are right. On the line, probabilities "
        "are right; below it, they are too high.",
    )
    most = max(row["count"] for row in calibration["bins"])
    (x1, y1), (x2, y2) = _at(0, 0), _at(1, 1)
    parts = [element("path", d=f"M{x1} {y1}L{x2} {y2}", stroke="#8a97a5", stroke_dasharray="5 4", fill="none")]
    for row in calibration["bins"]:
        x, y = _at(row["score"], row["right"])
        hint = element("title", f"{row['count']:,} triples at {percent(row['score'])}: {percent(row['right'])} right")
        radius = round(3 + 7 * (row["count"] / most) ** 0.5, 1)
        parts.append(element("circle", hint, cx=x, cy=y, r=radius, fill=BLUE, fill_opacity=0.8))
    yield _diagram("Reliability diagram", "mean probability", "right", parts)
    rows = (
        [f"{row['from']:.1f} to {row['to']:.1f}", f"{row['count']:,}", percent(row["score"]), percent(row["right"])]
        for row in calibration["bins"]
    )
    yield _grid(["probability", "triples", "mean probability", "right"], rows)


def _at(x: float, y: float) -> tuple[float, float]:
    """Return the place of a point, from 0 to 1 each, in a diagram."""
    return round(LEFT + WIDTH * x, 1), round(TOP + HEIGHT * (1 - y), 1)


def _diagram(title: str, across: str, up: str, content: Iterable[Markup]) -> Markup:
    """Draw a diagram of two shares, from 0 to 100 percent."""
    parts = []
    for step in range(6):
        x, y = _at(step / 5, step / 5)
        parts += [
            element("path", d=f"M{LEFT} {y}H{LEFT + WIDTH}M{x} {TOP}V{TOP + HEIGHT}", stroke="#e3e8ee", fill="none"),
            element("text", f"{20 * step}", x=LEFT - 8, y=y + 4, text_anchor="end"),
            element("text", f"{20 * step}", x=x, y=TOP + HEIGHT + 18, text_anchor="middle"),
        ]
    middle = TOP + HEIGHT / 2
    parts += [
        *content,
        element("text", across, x=LEFT + WIDTH / 2, y=TOP + HEIGHT + 38, text_anchor="middle"),
        element("text", up, x=14, y=middle, text_anchor="middle", transform=f"rotate(-90 14 {middle})"),
    ]
    width, height = LEFT + WIDTH + 20, TOP + HEIGHT + 45
    name = element("title", title)
    return element("svg", name, *parts, width=width, height=height, viewBox=f"0 0 {width} {height}", role="img")


def _confusion(confusion: Mapping[str, Mapping[str, int]]) -> Iterable[Markup]:
    """Make the confusion matrix of the labels that are confused most often."""
    wrong: dict[str, int] = {}
    for gold, row in confusion.items():
        for predicted, count in row.items():
            if NO_RELATION not in (gold, predicted) and gold != predicted:
                wrong[gold] = wrong.get(gold, 0) + count
                wrong[predicted] = wrong.get(predicted, 0) + count
    if not wrong:
        yield element("p", "No relation was confused with another.")
        return
    labels = [*sorted(wrong, key=lambda label: (-wrong[label], label))[:MAX_CONFUSED], NO_RELATION]
    yield element(
        "p",
        "Rows are gold relations. Columns are predicted relations, in the same order, on the same pair of whole "
        f'entities. "{NO_RELATION}" means no relation. The {len(labels) - 1} of {len(wrong)} most often confused.',
    )
    # Columns are numbered, because names would make the table too wide.
    numbers = [*(f"{i}" for i in range(1, len(labels))), NO_RELATION]
    rows = []
    for number, gold in zip(numbers, labels):
        cells: list[str] = [gold, number]
        for predicted in labels:
            count = confusion.get(gold, {}).get(predicted, 0)
            kind = "" if not count else "right" if gold == predicted else "wrong"
            cells.append(element("td", f"{count:,}" if count else "", class_=kind))
        rows.append(cells)
    yield _grid(["gold", "", *numbers], rows)


def _entities(rows: Mapping[str, Mapping[str, float]]) -> Markup:
    return _grid(["type", "P", "R", "F1"], ([name, *(percent(row[x]) for x in "prf")] for name, row in rows.items()))


def _texts(judged: Sequence[Judged]) -> Iterable[Markup]:
    wrong = [text for text in judged if text.n_errors]
    legend = "In the text, entities of gold triples are ", element("mark", "underlined", class_="gold")
    yield element(
        "p",
        f"{len(wrong):,} of {len(judged):,} texts have errors; the first {min(len(wrong), MAX_TEXTS)} are shown. ",
        *legend,
        ", those of predicted triples ",
        element("mark", "coloured", class_="predicted"),
        ".",
    )
    for text in wrong[:MAX_TEXTS]:
        items = (_verdict(verdict) for verdict in text.verdicts)
        yield element("div", element("p", *_marked(text), dir="auto"), element("ul", *items), class_="text")


def _verdict(verdict: Verdict) -> Markup:
    kind, gold, predicted = verdict
    shown = [_triple(relation, scored=relation is predicted) for relation in (predicted, gold) if relation is not None]
    if kind == "right":
        shown = shown[:1]
    parts = [part for triple in shown for part in (" instead of ", triple)][1:]
    return element("li", element("span", VERDICT_TITLES[kind], class_="kind"), " ", *parts, class_=kind)


def _triple(relation: Relation, scored: bool) -> Markup:
    subject, object_ = (
        element("span", element("bdi", span.text), " ", element("code", span.label_))
        for span in (relation.subject, relation.object)
    )
    score = f" ({relation.score:.2f})" if scored else ""
    return element("span", subject, " — ", element("b", element("bdi", relation.label)), " → ", object_, score)


def _marked(text: Judged) -> Iterable[str]:
    """Split a text at entity boundaries, and mark the entities of gold and predicted triples."""
    spans: dict[str, set[tuple[int, int]]] = {"gold": set(), "predicted": set()}
    for verdict in text.verdicts:
        for kind, relation in (("gold", verdict.gold), ("predicted", verdict.predicted)):
            if relation is not None:
                spans[kind] |= {(s.start_char, s.end_char) for s in (relation.subject, relation.object)}
    borders = sorted({0, len(text.text), *(border for group in spans.values() for span in group for border in span)})
    for start, end in pairwise(borders):
        kinds = [kind for kind, group in spans.items() if any(a <= start and end <= b for a, b in group)]
        piece = text.text[start:end]
        yield element("mark", piece, class_=" ".join(kinds)) if kinds else piece
