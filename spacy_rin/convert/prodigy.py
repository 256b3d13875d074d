"""Reader of the tasks that Prodigy's recipe rel.manual writes."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .quotes import Mention, QuotedText
from .records import (
    Entity,
    Malformed,
    Skipped,
    Triple,
    attempt,
    get_field,
    get_objects,
    get_rows,
    get_string,
    is_text,
    sort_out,
)

_DISAGREE = "copies of a span that disagree with its characters or the list of spans"


def parse_prodigy(line: str, task: Any) -> QuotedText | Skipped:
    """Parse a task of Prodigy's recipe rel.manual.

    {"text", "tokens": [{"text", "start", "end"}], "spans": [{"token_start", "token_end", "label"}],
    "relations": [{"head", "child", "head_span", "child_span", "label"}], "answer"}; "token_end" is inclusive, and the
    head is the subject.

    Args:
        line (str): The place of the task.
        task (Any): The task.

    Returns:
        QuotedText | Skipped: The text; `Skipped` if the task was rejected or ignored.

    Raises:
        Malformed: If the task as a whole does not have this form.
    """
    text = get_string(task, "text")
    answer = task.get("answer", "accept")  # Prodigy's default
    if answer not in ("accept", "reject", "ignore"):
        raise Malformed(f"'answer' must be accept, reject or ignore, not {answer!r:.60}")
    if answer != "accept":
        return Skipped(f"tasks with the answer '{answer}'")
    tokens = _tokens(line, task)
    read = _Task([token.pieces[0] for token in tokens])
    spans = get_objects(task, "spans") if "spans" in task else []
    _, broken_spans = sort_out(attempt(line, read.add_span, span) for span in spans)
    triples, broken_triples = sort_out(attempt(line, read.triple, item) for item in get_objects(task, "relations"))
    return QuotedText(
        line,
        text,
        [Mention(line, "a span", [(start, end)], None, label) for start, end, label in read.entities],
        triples,
        tokens=tokens,
        ignored=read.ignored,
        broken=broken_spans + broken_triples,
    )


def _tokens(line: str, task: Any) -> list[Mention]:
    last = 0
    tokens = []
    for start, end, word in get_rows(task, "tokens", (int, int, str), ("start", "end", "text")):
        if start < last:
            raise Malformed(f"token {word!r:.60} at {start}-{end} is out of order: the one before ends at {last}")
        last = end
        tokens.append(Mention(line, "a token", [(start, end)], word))
    return tokens


@dataclass
class _Task:
    """The annotation of a task. Prodigy gives it several times, and the copies can be wrong: characters are believed
    first, then the spans that are listed, then the tokens.

    Attributes:
        tokens (list[tuple[int, int]]): Start and end character of each token.
        entities (dict[Entity, int]): The entities with their indices.
        ignored (Counter[str]): The number of copies that were not believed.
    """

    tokens: list[tuple[int, int]]
    entities: dict[Entity, int] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)

    def add_span(self, span: dict[str, Any]) -> None:
        """Add a span that is listed."""
        start, end = self._offsets(span)
        self._index((start, end, get_string(span, "label")))

    def triple(self, relation: dict[str, Any]) -> Triple:
        """Get the triple of a relation."""
        label = get_string(relation, "label")
        subject, object_ = (self._argument(relation, side) for side in ("head", "child"))
        return self._index(subject), label, self._index(object_)

    def _index(self, entity: Entity) -> int:
        return self.entities.setdefault(entity, len(self.entities))

    def _argument(self, relation: dict[str, Any], side: str) -> Entity:
        """Get the entity at one side of a relation. A token outside of all spans is an entity without a type."""
        span = relation.get(f"{side}_span")
        if span is None:
            return self._around(relation, side) or (*self._token(relation, side), "")
        offsets = self._offsets(span)
        label = span.get("label")
        if label is not None and not is_text(label):
            raise Malformed(f"the label of '{side}_span' must be a non-empty string or null, not {label!r:.60}")
        same = [entity for entity in self.entities if entity[:2] == offsets]
        if found := [entity for entity in same if label in (None, entity[2])]:
            return found[0]
        if not same and relation.get(side) is not None and not self._is_supported(span, offsets, relation[side]):
            same = [around] if (around := self._around(relation, side)) else []
        if len(same) == 1:
            self.ignored[_DISAGREE] += 1
            return same[0]
        return (*offsets, label or "")

    def _is_supported(self, span: dict[str, Any], offsets: tuple[int, int], token: Any) -> bool:
        """Whether the characters of a span that is not listed are those of whole tokens, with a token among them."""
        if _bounds(span, "start", "end") is None:
            return False
        inside = [i for i, (start, end) in enumerate(self.tokens) if offsets[0] <= start and end <= offsets[1]]
        is_whole = inside and offsets == (self.tokens[inside[0]][0], self.tokens[inside[-1]][1])
        return bool(is_whole) and (token in inside or token not in range(len(self.tokens)))

    def _around(self, relation: dict[str, Any], side: str) -> Entity | None:
        """Get the listed span that an argument refers to by its token alone."""
        start, end = self._token(relation, side)
        around = [entity for entity in self.entities if entity[0] <= start and end <= entity[1]]
        # Prodigy refers to a span by its last token.
        around = [entity for entity in around if entity[1] == end] or around
        if len(around) > 1:
            raise Malformed(f"'{side}' of a relation is in {len(around)} spans; '{side}_span' must say which is meant")
        return around[0] if around else None

    def _token(self, relation: dict[str, Any], side: str) -> tuple[int, int]:
        index = get_field(relation, side)
        if type(index) is not int or not 0 <= index < len(self.tokens):
            raise Malformed(f"'{side}' of a relation must be the index of a token, not {index!r:.60}")
        return self.tokens[index]

    def _offsets(self, span: Any) -> tuple[int, int]:
        """Get the start and end character of a span. Its tokens are used if it does not have them."""
        if not isinstance(span, dict):
            raise Malformed(f"a span must be an object, not {span!r:.60}")
        by_tokens, by_characters = _bounds(span, "token_start", "token_end"), _bounds(span, "start", "end")
        if by_tokens is None and by_characters is None:
            raise Malformed(f"the tokens and the characters of span {span!r:.100} are missing")
        found = None
        if by_tokens and 0 <= by_tokens[0] <= by_tokens[1] < len(self.tokens):
            found = self.tokens[by_tokens[0]][0], self.tokens[by_tokens[1]][1]
        if by_characters is not None:
            if by_tokens is not None and found != by_characters:
                self.ignored[_DISAGREE] += 1
            return by_characters
        if found is None:
            first, last = by_tokens or (0, 0)
            raise Malformed(f"tokens {first}-{last} of a span do not exist; there are {len(self.tokens)}")
        return found


def _bounds(span: dict[str, Any], start: str, end: str) -> tuple[int, int] | None:
    """Get the values of two keys of a span; None if one is missing."""
    first, last = span.get(start), span.get(end)
    if first is None or last is None:
        return None
    if type(first) is not int or type(last) is not int:
        raise Malformed(f"the offsets of span {span!r:.100} must be whole numbers")
    return first, last
