"""BIOES tags and labelled spans: pure functions.

Tag 0 is O; type t has the four tags 1 + 4t … 4 + 4t in the order B, I, E, S. One type gives the papers' five tags.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Span
from spacy.util import filter_spans

OUTSIDE = 0
B, I, E, S = range(4)  # noqa: E741

TypedSpan = tuple[int, int, int]  # first token, last token + 1, type
Layers = Sequence[Sequence[TypedSpan]]  # the entities of a segment, layer by layer


def split_layers(spans: Iterable[Span], n_layers: int) -> list[list[Span]]:
    """Part spans into layers of spans that don't overlap: what one layer has no room for goes to the next.

    Args:
        spans (Iterable[Span]): Spans of a Doc. Longer ones come first; of those of the same tokens, one has its place.
        n_layers (int): Number of layers; what the last one has no room for is left out.

    Returns:
        list[list[Span]]: The layers, each in the order of the text.
    """
    layers = []
    rest = list(spans)
    for _ in range(n_layers):
        layers.append(filter_spans(rest))
        taken = {(span.start, span.end) for span in layers[-1]}
        rest = [span for span in rest if (span.start, span.end) not in taken]
    return layers


def n_tags(n_types: int) -> int:
    """Number of tags for a number of entity types."""
    return 1 + 4 * n_types


def grown_tags(types: Sequence[int | None]) -> list[int | None]:
    """Return the previous tag of each tag after types were added.

    Args:
        types (Sequence[int | None]): Previous id of each type; None for a new type.

    Returns:
        list[int | None]: Previous tag of each tag; None for the tags of a new type.
    """
    previous: list[int | None] = [OUTSIDE]
    for kind in types:
        previous += [None] * 4 if kind is None else [1 + 4 * kind + part for part in (B, I, E, S)]
    return previous


def encode_tags(spans: Sequence[TypedSpan], length: int) -> NDArray[np.int64]:
    """Write spans as tags.

    Args:
        spans (Sequence[TypedSpan]): Spans that don't overlap.
        length (int): Number of tokens.

    Returns:
        ndarray: Tags. *Shape:* (length,).
    """
    tags = np.full(length, OUTSIDE, dtype=np.int64)
    for start, end, kind in spans:
        base = 1 + 4 * kind
        if end - start == 1:
            tags[start] = base + S
        else:
            tags[start : end - 1] = base + I
            tags[start] = base + B
            tags[end - 1] = base + E
    return tags


def decode_tags(
    scores: NDArray[np.floating], lengths: Sequence[int], blank: NDArray[np.bool_] | None = None
) -> list[list[TypedSpan]]:
    """Read the spans of the best well-formed tag sequence of each sequence.

    Args:
        scores (ndarray): Score of every tag, additive over tokens (logits or log-probabilities), sequences packed one
            after the other. *Shape:* (tokens, tags).
        lengths (Sequence[int]): Tokens of each sequence, none of them 0.
        blank (ndarray | None): Which tokens can't be the first or last of a span: white space. *Shape:* (tokens,).

    Returns:
        list[list[TypedSpan]]: The spans of each sequence, in order, counted from its first token.
    """
    if not len(scores):
        return [[] for _ in lengths]
    follows, opens, closes = _grammar(scores.shape[1])
    if blank is not None and blank.any():
        border = (np.arange(scores.shape[1]) > 0) & ((np.arange(scores.shape[1]) - 1) % 4 != I)
        scores = np.where(blank[:, None] & border, -np.inf, scores)
    tags = scores.argmax(1)
    ends = np.cumsum(lengths)
    starts = ends - np.asarray(lengths)
    # The tag-wise best is the best sequence wherever it is well-formed: almost everywhere in a trained model.
    faults = np.zeros(len(tags), dtype=bool)
    faults[1:] = ~follows[tags[:-1], tags[1:]]
    faults[starts] = ~opens[tags[starts]]
    faults[ends - 1] |= ~closes[tags[ends - 1]]
    for index in np.flatnonzero(np.logical_or.reduceat(faults, starts)):
        rows = slice(starts[index], ends[index])
        tags[rows] = _viterbi(scores[rows], follows, opens, closes)
    inside, part = tags > 0, (tags - 1) % 4
    firsts = np.flatnonzero(inside & ((part == B) | (part == S)))
    lasts = np.flatnonzero(inside & ((part == E) | (part == S)))
    owners = np.searchsorted(ends, firsts, side="right")
    spans: list[list[TypedSpan]] = [[] for _ in lengths]
    kinds = (tags[firsts] - 1) // 4
    offsets = starts[owners]
    for owner, first, end, kind in zip(
        owners.tolist(), (firsts - offsets).tolist(), (lasts + 1 - offsets).tolist(), kinds.tolist()
    ):
        spans[owner].append((first, end, kind))
    return spans


def span_scores(
    scores: NDArray[np.floating], lengths: Sequence[int], spans: Sequence[Sequence[TypedSpan]]
) -> list[list[float]]:
    """Compute the probability of spans: the product of the probabilities of their tags.

    Args:
        scores (ndarray): Logits of tags, sequences packed one after the other. *Shape:* (tokens, tags).
        lengths (Sequence[int]): Tokens of each sequence.
        spans (Sequence[Sequence[TypedSpan]]): Spans of each sequence, which don't overlap.

    Returns:
        list[list[float]]: Probabilities of the spans of each sequence, from 0 to 1.
    """
    if not any(spans):
        return [[] for _ in spans]
    tags = np.concatenate([encode_tags(found, length) for found, length in zip(spans, lengths)])
    highest = scores.max(1)
    log_sums = highest + np.log(np.exp(scores - highest[:, None]).sum(1))
    logs = np.take_along_axis(scores, tags[:, None], 1)[:, 0] - log_sums
    probabilities = []
    for found, offset in zip(spans, np.cumsum([0, *lengths[:-1]]).tolist()):
        probabilities.append([float(np.exp(logs[offset + a : offset + b].sum())) for a, b, _ in found])
    return probabilities


@lru_cache(maxsize=32)
def _grammar(n: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """What may follow what (tags, tags), what may open and what may close a sequence (tags,)."""
    tags = np.arange(n)
    kind, part = (tags - 1) // 4, (tags - 1) % 4
    outside = tags == OUTSIDE
    opens = outside | (part == B) | (part == S)
    closes = outside | (part == E) | (part == S)
    goes_on = ~outside & ((part == B) | (part == I))
    continues = ~outside & ((part == I) | (part == E))
    same = kind[:, None] == kind[None, :]
    follows = (closes[:, None] & opens[None, :]) | (goes_on[:, None] & continues[None, :] & same)
    return follows, opens, closes


def _viterbi(
    scores: NDArray[np.floating], follows: NDArray[np.bool_], opens: NDArray[np.bool_], closes: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Find the best well-formed tag sequence. *Shape:* (tokens, tags) -> (tokens,)."""
    barred = np.where(follows, 0.0, -np.inf)
    best = np.where(opens, scores[0], -np.inf)
    back = np.zeros(scores.shape, dtype=np.int64)
    for i in range(1, len(scores)):
        paths = best[:, None] + barred
        back[i] = paths.argmax(0)
        best = paths.max(0) + scores[i]
    tags = np.empty(len(scores), dtype=np.int64)
    tags[-1] = np.where(closes, best, -np.inf).argmax()
    for i in range(len(scores) - 1, 0, -1):
        tags[i - 1] = back[i, tags[i]]
    return tags
