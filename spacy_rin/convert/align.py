"""Annotation by characters turned into annotation by tokens, and texts cut into sentences."""

from bisect import bisect_left, bisect_right
from collections.abc import Hashable
from dataclasses import replace

from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from .records import Broken, Entity, Lost, Record, Text, assemble


def align(text: Text, nlp: Language, *, snap: bool = False) -> Record:
    """Turn annotation by characters into annotation by tokens.

    White space at the ends of an entity is left out, unless it is a token there.

    Args:
        text (Text): The text.
        nlp (Language): The pipeline whose tokenizer is used if the text has no tokens of its own.
        snap (bool): Whether to widen entities that cut a token to whole tokens, instead of losing them. Text between
            the pieces of such an entity is included.

    Returns:
        Record: The same text by tokens, with all of its white space.
    """
    tokens = text.tokens
    if tokens is None:
        tokens = [(token.idx, token.idx + len(token)) for token in nlp.tokenizer(text.text)]
    tiles, spaces = _tile(text.text, tokens)
    starts, ends = [start for start, _ in tiles], [end for _, end in tiles]
    spans: dict[Hashable, Entity | Lost | Broken] = {}
    moved = 0

    def whole(start: int, end: int) -> tuple[int, int] | None:
        first, last = bisect_left(starts, start), bisect_left(ends, end)
        is_whole = start in starts[first : first + 1] and end in ends[last : last + 1]
        return (first, last + 1) if is_whole else None

    for index, entity in enumerate(text.entities):
        if isinstance(entity, Lost | Broken):
            spans[index] = entity
            continue
        start, end, label = entity
        found = whole(start, end)
        if found and index not in text.in_pieces:
            spans[index] = (*found, label)
            continue
        quoted = text.text[start:end]
        inner = start + len(quoted) - len(quoted.lstrip())
        inner_end = inner + len(quoted.strip())
        trimmed = whole(inner, inner_end) if inner < inner_end else None
        if trimmed and index not in text.in_pieces:
            moved += 1
            spans[index] = (*trimmed, label)
        elif snap and quoted.strip():
            moved += 1
            spans[index] = (bisect_right(starts, inner) - 1, bisect_left(ends, inner_end) + 1, label)
        else:
            reason = "is in several pieces" if index in text.in_pieces else "cuts a token"
            line = text.lines[index] if text.lines else text.line
            spans[index] = Lost(line, f"entity {quoted!r} at {start}-{end} {reason}")
    record = assemble(text.line, [text.text[start:end] for start, end in tiles], spans, text.relations)
    return replace(
        record,
        spaces=spaces,
        path=text.path,
        snapped_entities=moved,
        ignored=text.ignored,
        broken=[*record.broken, *text.broken],
    )


def cut_sentences(record: Record, vocab: Vocab) -> list[Record]:
    """Cut a text into sentences, without the white space between them. An entity is never cut.

    Args:
        record (Record): The text.
        vocab (Vocab): A vocabulary, for spaCy's sentencizer.

    Returns:
        list[Record]: The sentences. What was lost, broken or ignored in the text is counted with the first sentence. A
            triple whose entities are in different sentences is counted with the sentence of its subject.
    """
    doc = _SENTENCIZER(Doc(vocab, words=record.words, spaces=record.spaces))
    inside = {token for start, end, _ in record.entities for token in range(start + 1, end)}
    # White space alone is not a sentence.
    starts = [sent.start for sent in doc.sents if not all(token.is_space for token in sent)]
    bounds = [0, *(start for start in starts if start and start not in inside)]
    edges = {token for start, end, _ in record.entities for token in (start, end - 1)}
    sentence_of = [bisect_right(bounds, start) - 1 for start, _, _ in record.entities]
    sentences = []
    for number, (first, end) in enumerate(zip(bounds, [*bounds[1:], len(doc)], strict=True)):
        own = [index for index, sentence in enumerate(sentence_of) if sentence == number]
        sentences.append(_cut(record, *_trim(doc, first, end, edges), own))
    first_sentence = replace(
        sentences[0],
        snapped_entities=record.snapped_entities,
        lost_entities=record.lost_entities,
        lost_triples=record.lost_triples,
        ignored=record.ignored,
        broken=record.broken,
    )
    return [first_sentence, *sentences[1:]]


def _cut(record: Record, first: int, end: int, own: list[int]) -> Record:
    """Cut tokens out of a text, with the entities of some indices and the triples of their subjects."""
    index = {old: new for new, old in enumerate(own)}
    triples = [(s, label, o) for s, label, o in record.relations if s in index]
    crossing = [
        Lost(record.line, f"relation {label!r} of {_name(record, s)!r} with {_name(record, o)!r} crosses sentences")
        for s, label, o in triples
        if o not in index
    ]
    spaces = record.spaces[first:end] if record.spaces is not None else None
    return Record(
        record.line,
        record.words[first:end],
        entities=[(s - first, e - first, kind) for s, e, kind in (record.entities[i] for i in own)],
        relations=[(index[s], label, index[o]) for s, label, o in triples if o in index],
        spaces=[*spaces[:-1], False] if spaces is not None else None,
        tags=record.tags[first:end] if record.tags is not None else None,
        path=record.path,
        crossing_triples=crossing,
    )


_SENTENCIZER = Sentencizer()


def _tile(text: str, tokens: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], list[bool]]:
    """Cover a whole text with tokens, and return which are followed by a space. Other text in gaps becomes tokens."""
    tiles: list[tuple[int, int]] = []
    spaces: list[bool] = []
    pos = 0
    for start, end in [*tokens, (len(text), len(text))]:
        if pos < start and tiles and text[pos] == " ":
            spaces[-1] = True
            pos += 1
        for tile in ((pos, start), (start, end)):
            if tile[0] < tile[1]:
                tiles.append(tile)
                spaces.append(False)
        pos = end
    return tiles, spaces


def _trim(doc: Doc, first: int, end: int, needed: set[int]) -> tuple[int, int]:
    """Leave out white space at the ends of a sentence, up to a token that an entity starts or ends with."""
    while first + 1 < end and doc[first].is_space and first not in needed:
        first += 1
    while first + 1 < end and doc[end - 1].is_space and end - 1 not in needed:
        end -= 1
    return first, end


def _name(record: Record, index: int) -> str:
    start, end, _ = record.entities[index]
    return " ".join(record.words[start:end])
