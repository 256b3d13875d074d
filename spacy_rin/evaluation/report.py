"""Write an evaluation as a single HTML page, without scripts or external resources."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element

from ..markup import color_scheme, element, to_html
from ..relations import Relation
from .evaluate import Evaluation, Judged
from .scorer import Row
from .verdicts import NO_RELATION, Verdict
from .wording import NOVELTY_TITLES, PATTERN_TITLES, VERDICT_TITLES, by_count, match_rows, percent, percents

# The plotting area of a diagram, in pixels.
WIDTH, HEIGHT, LEFT, TOP = 420, 300, 50, 15
COUNTS = ("gold", "predicted", "right")
MAX_TEXTS = 50
MAX_CONFUSED = 15
STYLE = """
html { background: light-dark(#fff, #15181e); color: light-dark(#1d2733, #e3e8ee);
  --quiet: light-dark(#5b6b7b, #9aa8b8); --rule: light-dark(#d5dde5, #39424e); --stripe: light-dark(#f6f8fa, #1d222a);
  --blue: light-dark(#1c66b5, #6fb0f5); --red: light-dark(#b3261e, #ff8a80); --green: light-dark(#2b7a3d, #6fcf86);
  --orange: light-dark(#a35a00, #f0ad55); --right: light-dark(#d7f0dd, #1d4a2b);
  --wrong: light-dark(#fbe3e0, #5c2622); --found: light-dark(#fde9b6, #5a4613); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1000px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; border-bottom: 1px solid var(--rule); }
h1, h2, p, li, td:first-child { overflow-wrap: anywhere; }
p { max-width: 46rem; } code { color: var(--quiet); font-size: .85em; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .15rem .7rem; text-align: right; white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; border-bottom: 1px solid var(--rule); vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; white-space: normal; } td:first-child { min-width: 5.5rem; }
tr:nth-child(even) td { background: var(--stripe); }
.scroll { overflow-x: auto; } th.up { padding: .3rem; text-align: center; }
.up bdi { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 16rem; white-space: normal;
  overflow-wrap: anywhere; }
tr td.right { background: var(--right); } tr td.wrong { background: var(--wrong); }
.text { border: 1px solid var(--rule); border-radius: 6px; padding: .6rem .9rem; margin: 1rem 0; break-inside: avoid; }
.text p { max-width: none; margin: 0 0 .5rem; white-space: pre-wrap; }
.text ul { margin: 0; padding-left: 1.2rem; }
mark { background: none; color: inherit; padding: 0 .1em; } mark.predicted { background: var(--found); }
mark.gold { border-bottom: 3px solid var(--blue); }
.kind { display: inline-block; min-width: 8.5em; font-weight: 600; } .right .kind { color: var(--green); }
.missed .kind { color: var(--blue); } .spurious .kind { color: var(--orange); }
.wrong_label .kind, .wrong_boundary .kind { color: var(--red); }
svg { max-width: 100%; height: auto; } svg text { font: 12px system-ui, sans-serif; fill: var(--quiet); }
.grid { stroke: var(--rule); fill: none; } .diagonal { stroke: var(--quiet); stroke-dasharray: 5 4; }
.curve { stroke: var(--blue); stroke-width: 2; fill: none; } .dot { fill: var(--blue); fill-opacity: .8; }
.ring { stroke: var(--red); stroke-width: 2; fill: none; }
@media (max-width: 32rem) { body { padding: 0 .5rem; } table { font-size: .7rem; } th, td { padding: .15rem; }
  td:first-child { min-width: 3.8rem; } }
"""


def render_html(evaluation: Evaluation, *, model: str, data: str, theme: str = "auto") -> str:
    """Write an evaluation as an HTML page.

    Args:
        evaluation (Evaluation): The evaluation.
        model (str): Name of the pipeline.
        data (str): Name of the data.
        theme (str): "light", "dark", or "auto": the colour scheme that the reader prefers.

    Returns:
        str: The page.

    Raises:
        SettingError: R010 for an unknown theme.
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
        *_section("Entities", _table("type", _entities(scores)), name="ents_per_type"),
        *_section("Texts with the most errors", *_texts(evaluation.judged)),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("title", f"{model} on {data}"),
        element("style", STYLE),
    )
    page = element("html", head, element("body", *body), lang="en", style=f"color-scheme: {color_scheme(theme)}")
    return f"<!DOCTYPE html>\n{to_html(page)}\n"


def _section(title: str, *content: Element, name: str = "") -> Iterable[Element]:
    heading = element("h2", title, " ", element("code", name)) if name else element("h2", title)
    return heading, *content


def _grid(header: Sequence[str | Element], rows: Iterable[Sequence[str | Element]]) -> Element:
    """Make a table. A cell is its text, or a whole "td" or "th"."""
    lines = [element("tr", *(_cell("th", name) for name in header))]
    lines += [element("tr", *(_cell("td", cell) for cell in row)) for row in rows]
    return element("div", element("table", *lines), class_="scroll")


def _cell(tag: str, content: str | Element) -> Element:
    return element(tag, content) if isinstance(content, str) else content


def _table(title: str, rows: Iterable[tuple[str, Row]], texts: bool = False) -> Element:
    header = [title, *(["texts"] if texts else []), "P", "R", "F1", *COUNTS]
    return _grid(header, ([name, *([f"{row['texts']:,}"] if texts else []), *_cells(row)] for name, row in rows))


def _cells(row: Row) -> list[str]:
    return [*percents(row), *(f"{row[name]:,}" for name in COUNTS)]


def _matches(scores: Mapping[str, Any]) -> Element:
    rows: list[list[str | Element]] = []
    for name, title, row in match_rows(scores):
        rows.append([element("td", f"{title} ", element("code", name)), *_cells(row)])
    return _grid(["", "P", "R", "F1", *COUNTS], rows)


def _verdicts(scores: Mapping[str, Any]) -> Element:
    return _grid(["", "triples"], ([VERDICT_TITLES[kind], f"{n:,}"] for kind, n in scores["rel_verdicts"].items()))


def _groups(scores: Mapping[str, Any]) -> Iterable[Element]:
    for key, title, unit in (
        ("per_pattern", "Overlap of triples", "texts with"),
        ("per_count", "Triples of a text", "triples"),
        ("per_length", "Length of a text", "tokens"),
    ):
        name = f"rel_exact_{key}"
        rows = ((PATTERN_TITLES.get(member, member), row) for member, row in scores[name].items())
        yield from _section(title, _table(unit, rows, texts=True), name=name)


def _novelty(scores: Mapping[str, Any]) -> Iterable[Element]:
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


def _thresholds(scores: Mapping[str, Any]) -> Iterable[Element]:
    rows = scores["rel_exact_per_threshold"]
    present = {key: scores[f"rel_exact_{key}"] for key in "pr"}
    yield _curve(rows, present)
    yield _table("threshold", ((f"{t:.1f}", rows[f"{t:.2f}"]) for t in (step / 10 for step in range(1, 10))))


def _curve(rows: Mapping[str, Row], present: Mapping[str, float]) -> Element:
    """Draw the precision-recall curve."""
    found = {threshold: row for threshold, row in rows.items() if row["predicted"]}
    points = " ".join("{},{}".format(*_at(row["r"], row["p"])) for row in found.values())
    parts = [element("polyline", points=points, class_="curve")]
    for threshold, row in found.items():
        if threshold.endswith("0"):
            x, y = _at(row["r"], row["p"])
            hint = element("title", f"threshold {threshold}: P {percent(row['p'])}, R {percent(row['r'])}")
            parts.append(element("circle", hint, cx=x, cy=y, r=3.5, class_="dot"))
    x, y = _at(present["r"], present["p"])
    parts.append(element("circle", cx=x, cy=y, r=7, class_="ring"))
    return _diagram("Precision-recall curve", "recall", "precision", parts)


def _calibration(calibration: Mapping[str, Any]) -> Iterable[Element]:
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
    parts = [element("path", d=f"M{x1} {y1}L{x2} {y2}", class_="diagonal")]
    for row in calibration["bins"]:
        x, y = _at(row["score"], row["right"])
        hint = element("title", f"{row['count']:,} triples at {percent(row['score'])}: {percent(row['right'])} right")
        radius = round(3 + 7 * (row["count"] / most) ** 0.5, 1)
        parts.append(element("circle", hint, cx=x, cy=y, r=radius, class_="dot"))
    yield _diagram("Reliability diagram", "mean probability", "right", parts)
    rows = (
        [f"{row['from']:.1f} to {row['to']:.1f}", f"{row['count']:,}", percent(row["score"]), percent(row["right"])]
        for row in calibration["bins"]
    )
    yield _grid(["probability", "triples", "mean probability", "right"], rows)


def _at(x: float, y: float) -> tuple[float, float]:
    """Return the place of a point, from 0 to 1 each, in a diagram."""
    return round(LEFT + WIDTH * x, 1), round(TOP + HEIGHT * (1 - y), 1)


def _diagram(title: str, across: str, up: str, content: Iterable[Element]) -> Element:
    """Draw a diagram of two shares, from 0 to 100 percent."""
    parts = []
    for step in range(6):
        x, y = _at(step / 5, step / 5)
        parts += [
            element("path", d=f"M{LEFT} {y}H{LEFT + WIDTH}M{x} {TOP}V{TOP + HEIGHT}", class_="grid"),
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


def _confusion(confusion: Mapping[str, Mapping[str, int]]) -> Iterable[Element]:
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
        "Rows are gold relations. Columns are predicted relations on the same pair of whole entities. "
        f'"{NO_RELATION}" means no relation. The {len(labels) - 1} of {len(wrong)} most often confused.',
    )
    # The names of columns are turned, because they would make the table too wide.
    header: list[str | Element] = ["gold"]
    header += [element("th", element("bdi", label), class_="up") for label in labels]
    rows = []
    for gold in labels:
        cells: list[str | Element] = [gold]
        for predicted in labels:
            count = confusion.get(gold, {}).get(predicted, 0)
            kind = "" if not count else "right" if gold == predicted else "wrong"
            cells.append(element("td", f"{count:,}" if count else "", class_=kind))
        rows.append(cells)
    yield _grid(header, rows)


def _entities(scores: Mapping[str, Any]) -> Iterable[tuple[str, Row]]:
    for label, counts in scores["ents_counts_per_type"].items():
        yield label, {**scores["ents_per_type"][label], **counts}


def _texts(judged: Sequence[Judged]) -> Iterable[Element]:
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


def _verdict(verdict: Verdict) -> Element:
    kind, gold, predicted = verdict
    shown = [_triple(relation, scored=relation is predicted) for relation in (predicted, gold) if relation is not None]
    if kind == "right":
        shown = shown[:1]
    parts = [part for triple in shown for part in (" instead of ", triple)][1:]
    return element("li", element("span", VERDICT_TITLES[kind], class_="kind"), " ", *parts, class_=kind)


def _triple(relation: Relation, scored: bool) -> Element:
    subject, object_ = (
        element("span", element("bdi", span.text), " ", element("code", span.label_))
        for span in (relation.subject, relation.object)
    )
    score = f" ({relation.score:.2f})" if scored else ""
    return element("span", subject, " — ", element("b", element("bdi", relation.label)), " → ", object_, score)


def _marked(text: Judged) -> Iterable[str | Element]:
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
