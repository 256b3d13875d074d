"""Reader of the tasks that Label Studio exports as "JSON"."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from typing import Any

from .quotes import Mention, QuotedText, count_fitting
from .records import Broken, Malformed, Skipped, Triple, attempt, get_field, get_objects, get_string, is_text, sort_out
from .values import Source, read_records

# Types of results that label a part of a text, each with the key of its labels
_LABELS = ("labels", "hypertextlabels")


def read_label_studio(source: Source) -> Iterator[QuotedText | Skipped | Broken]:
    """Read the tasks of a file.

    Args:
        source (Source): The file.

    Returns:
        Iterator[QuotedText | Skipped | Broken]: The tasks.
    """
    return read_records(partial(parse_label_studio, text_field=source.options.text_field), source)


def parse_label_studio(line: str, task: Any, text_field: str | None = None) -> QuotedText | Skipped:
    """Parse a task of Label Studio.

    {"data", "annotations": [{"was_cancelled", "result": [regions and relations]}]}. Of several annotations, the first
    that was not cancelled is used. A task that has only "predictions" is one without annotations.

    Args:
        line (str): The place of the task.
        task (Any): The task.
        text_field (str | None): The field of "data" with the text; None for "text", or else the only string.

    Returns:
        QuotedText | Skipped: The text; `Skipped` if there is no annotation to use, or none that can be placed.

    Raises:
        Malformed: If the task as a whole does not have this form.
    """
    data = get_field(task, "data")
    annotations = [] if "annotations" not in task and "predictions" in task else get_objects(task, "annotations")
    valid = [annotation for annotation in annotations if not annotation.get("was_cancelled")]
    if not valid:
        return Skipped("tasks whose annotations are all cancelled" if annotations else "tasks without annotations")
    ignored = Counter({"cancelled annotations": len(annotations) - len(valid), "further annotations": len(valid) - 1})
    result = get_objects(valid[0], "result")
    if what := _unplaced(result):
        return Skipped(what)
    regions, broken = _regions(line, result)
    texts = {key: value for key, value in data.items() if isinstance(value, str)} if isinstance(data, dict) else {}
    field = _text_field(texts, text_field)
    own = _of_the_text(regions, texts, field, is_chosen=text_field is not None)
    ignored["regions of other texts"] = len(regions) - len(own)
    text = _as_shown(get_string(data, field), own)
    index: dict[str, int] = {}
    mentions: list[Mention | Broken] = []
    for region in own:
        index[region.ident] = len(mentions)
        mentions += region.mentions if region.fault is None else [region.fault]
    triples, broken_triples = _triples(line, result, index, ignored)
    return QuotedText(line, text, mentions, triples, ignored=+ignored, broken=broken + broken_triples)


@dataclass
class _Region:
    """A part of a text: all results that have its id.

    Attributes:
        ident (str): The id.
        to_name (str): Name of the text.
        mentions (list[Mention]): An entity for each label.
        is_shown (bool): Whether its offsets count what a browser shows of HTML.
        fault (Broken | None): Why the region is not valid; it then has no mentions.
    """

    ident: str
    to_name: str
    mentions: list[Mention]
    is_shown: bool
    fault: Broken | None


def _unplaced(result: list[dict[str, Any]]) -> str | None:
    """Name the regions that can't be placed in the text. Without them, it would be a wrong example."""
    for item in result:
        value, kind = item.get("value"), item.get("type")
        if kind == "paragraphlabels":
            return "tasks with paragraphs (paragraphlabels)"
        if kind in _LABELS and isinstance(value, dict) and not isinstance(value.get("globalOffsets"), dict):
            by_path = all(isinstance(value.get(side), str) for side in ("start", "end"))
            if by_path:
                return "tasks with regions by XPath without globalOffsets"
    return None


def _is_region(item: dict[str, Any]) -> bool:
    """Whether a result says something about a part of a text."""
    value, kind = item.get("value"), str(item.get("type"))
    if kind in _LABELS:
        return True
    if not isinstance(value, dict) or "id" not in item or kind.endswith("labels"):
        return False
    return isinstance(value.get("globalOffsets"), dict) or type(value.get("start")) is type(value.get("end")) is int


def _regions(line: str, result: list[dict[str, Any]]) -> tuple[list[_Region], list[Broken]]:
    """Get the regions; results that share an id are of one region."""
    items: dict[str, list[dict[str, Any]]] = defaultdict(list)
    broken = []
    for item in filter(_is_region, result):
        ident = attempt(line, get_string, item, "id")
        if isinstance(ident, Broken):
            broken.append(ident)
        else:
            items[ident].append(item)
    regions = []
    for ident, same in items.items():
        mentions = attempt(line, _mentions, line, ident, same)
        is_shown = any("globalOffsets" in item["value"] for item in same if isinstance(item.get("value"), dict))
        fault = mentions if isinstance(mentions, Broken) else None
        valid = [] if isinstance(mentions, Broken) else mentions
        regions.append(_Region(ident, str(same[0].get("to_name")), valid, is_shown, fault))
    return regions, broken


def _mentions(line: str, ident: str, items: list[dict[str, Any]]) -> list[Mention]:
    """Get the entities of a region, one for each of its labels."""
    places = list(dict.fromkeys(_offsets(item) for item in items))
    if len(places) > 1 or len({str(item.get("to_name")) for item in items}) > 1:
        raise Malformed(f"there are two regions {ident!r:.60}")
    labels = []
    for item in items:
        if item.get("type") in _LABELS:
            found = _value(item).get(item["type"]) or []
            if not isinstance(found, list) or not all(map(is_text, found)):
                raise Malformed("'labels' of a region must be a list of strings")
            labels += found
    # Labels first: other results can have a text of their own, which is a comment.
    by_label = sorted(items, key=lambda item: item.get("type") not in _LABELS)
    quoting = (item for item in by_label if item.get("type") != "textarea")
    quotes = [quote for item in quoting if is_text(quote := _value(item).get("text"))]
    name = f"region {ident!r:.60}"
    return [
        Mention(line, name, [places[0]], quotes[0] if quotes else None, label)
        for label in dict.fromkeys(labels or [""])
    ]


def _offsets(region: dict[str, Any]) -> tuple[int, int]:
    value = _value(region)
    value = value.get("globalOffsets") or value
    start, end = get_field(value, "start"), get_field(value, "end")
    if type(start) is not int or type(end) is not int:
        raise Malformed(f"'start' and 'end' of a region must be whole numbers, not {start!r:.60} and {end!r:.60}")
    return start, end


def _value(region: dict[str, Any]) -> dict[str, Any]:
    value = get_field(region, "value")
    if not isinstance(value, dict):
        raise Malformed(f"'value' of a region must be an object, not {value!r:.60}")
    return value


def _text_field(texts: dict[str, str], chosen: str | None) -> str:
    """Get the name of the field with the text: the chosen one, or "text", or else the only field with a string."""
    names = ", ".join(texts) or "none"
    if chosen is not None:
        if chosen not in texts:
            raise Malformed(f"'data' has no field {chosen!r} with a string; it has: {names}")
        return chosen
    if "text" not in texts and len(texts) != 1:
        raise Malformed(
            f"'data' must have a field 'text', or a single field with a string; it has: {names}. Choose one with "
            "--text-field"
        )
    return "text" if "text" in texts else next(iter(texts))


def _of_the_text(regions: list[_Region], texts: dict[str, str], field: str, *, is_chosen: bool) -> list[_Region]:
    """Leave out the regions of other texts of the task. An export says the names of texts, but not their fields."""
    groups: dict[str, list[_Region]] = defaultdict(list)
    for region in regions:
        groups[region.to_name].append(region)
    if not is_chosen:
        if len(groups) > 1:
            raise Malformed("the regions are of more than one text; choose its field with --text-field")
        return regions
    own = []
    for name, group in groups.items():
        mentions = [mention for region in group for mention in region.mentions]
        fitting = {key: count_fitting(_as_shown(text, group), mentions) for key, text in texts.items()}
        others = max((number for key, number in fitting.items() if key != field), default=0)
        if name == field or not mentions or fitting[field] > others:
            own += group
        elif fitting[field] == others and name not in texts:
            raise Malformed(f"it is not clear which field the regions of {name!r:.60} are of: their quotes fit several")
    return own


def _as_shown(text: str, regions: list[_Region]) -> str:
    """Get the text that offsets count: of HTML, that is what a browser shows of it, unless the quotes say otherwise."""
    if not any(region.is_shown for region in regions):
        return text
    parser = _Shown()
    try:
        parser.feed(text)
        parser.close()
    except AssertionError as err:  # older versions of Python raise it for some declarations
        raise Malformed(f"this is not HTML: {err}") from None
    mentions = [mention for region in regions for mention in region.mentions]
    candidates = ("".join(parser.shown), "".join(parser.texts), text)
    return max(candidates, key=lambda candidate: count_fitting(candidate, mentions))


class _Shown(HTMLParser):
    """Collects the texts of HTML. A line break counts as one character, as in Label Studio.

    Attributes:
        texts (list[str]): All texts.
        shown (list[str]): Those that a browser shows: not the head, styles and scripts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.shown: list[str] = []
        self._hidden = ""  # the tag around the current text, if it is not shown

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if not self._hidden:
            self.shown.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.handle_data("\n")
        elif tag == "body":
            self.shown.clear()
        elif tag in ("style", "script", "title"):
            self._hidden = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""


def _triples(
    line: str, result: list[dict[str, Any]], index: dict[str, int], ignored: Counter[str]
) -> tuple[list[Triple], list[Broken]]:
    """Get the triples between regions, and count everything else as ignored."""
    known = {str(item.get("id")) for item in result if item.get("type") != "relation"}
    parsed: list[list[Triple] | Broken] = []
    for item in result:
        if item.get("type") == "relation":
            parsed.append(attempt(line, _triples_of, item, index, known, ignored))
        elif not _is_region(item):
            ignored[f"regions of the type '{item.get('type')}'"] += 1
    triples, broken = sort_out(parsed)
    return [triple for found in triples for triple in found], broken


def _triples_of(
    relation: dict[str, Any], index: dict[str, int], known: set[str], ignored: Counter[str]
) -> list[Triple]:
    """Get the triples of a relation, one for each label and direction."""
    start, end = get_string(relation, "from_id"), get_string(relation, "to_id")
    if not {start, end} <= known:
        raise Malformed(f"a relation from {start!r:.60} to {end!r:.60} points to a region that does not exist")
    labels = relation.get("labels") or []
    if not isinstance(labels, list) or not all(map(is_text, labels)):
        raise Malformed("'labels' of a relation must be a list of non-empty strings")
    direction = relation.get("direction") or "right"
    if direction not in ("right", "left", "bi"):
        raise Malformed(f"'direction' of a relation must be right, left or bi, not {direction!r:.60}")
    if start not in index or end not in index:
        ignored["relations of other regions"] += 1
        return []
    if not labels:
        ignored["relations without a label"] += 1
    forth = [(index[start], label, index[end]) for label in labels if direction != "left"]
    return forth + [(index[end], label, index[start]) for label in labels if direction != "right"]
