"""Get predictions after every round of interaction, at any threshold, for several visitors at once."""

import re
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from itertools import accumulate

from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab, create_vocab

from ..characters import slow_run
from ..pipeline.component import find_component
from ..relations import get_relations, set_relations
from .turns import Turns

PIECE = 5_000  # most characters that are read in one turn
# Where a long text is split, the best places first: paragraphs, lines, sentences, words.
SPLITS = [re.compile(pattern) for pattern in (r"\n\s*\n\s*", r"\n\s*", r"[.!?]\s+|[。！？]\s*", r"\s+")]
EXAMPLE = "Christiaan Huygens was born in The Hague and studied at Leiden University."


class RoundsReader:
    """Runs a pipeline with different settings for each call, without changing the pipeline.

    A Recurrent Interaction Network uses the same classifiers in all rounds. It can therefore predict after any round,
    and for more rounds than it was trained with. All visitors of the page share the pipeline, which can't process two
    texts at once. So they take turns: a turn is a piece of a text, read with one number of rounds.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint". If there are several, the first is used.

    Attributes:
        nlp (Language): The pipeline.
        threshold (float): The threshold of the pipeline.
        thresholds (dict[str, float]): Thresholds of relations that have their own, by label.
        rounds (int): The number of rounds of the pipeline. With 0 the network was trained without rounds, and has none.

    Raises:
        RinError: R018 if the pipeline has no "rin_joint".
    """

    def __init__(self, nlp: Language):
        _, pipe = find_component(nlp)
        self.nlp = nlp
        self._pipe = pipe
        self._turns = Turns()
        # Copied here, because `read` changes the settings of the component temporarily.
        self.threshold = pipe.threshold
        self.thresholds = pipe.thresholds
        self.rounds = pipe.rounds

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return "_".join(str(self.nlp.meta[key]) for key in ("lang", "name"))

    @property
    def path(self) -> str:
        """Path that the pipeline was loaded from, or its name if there is none."""
        return str(self.nlp.path or self.name)

    @property
    def example(self) -> str:
        """A text to try, in the language of the pipeline if spaCy has one."""
        if self.nlp.lang not in ("en", "xx"):
            try:
                return str(import_module(f"spacy.lang.{self.nlp.lang}.examples").sentences[0])
            except ImportError:
                pass
        return EXAMPLE

    @property
    def attr(self) -> str:
        """Extension attribute of the relations."""
        return str(self._pipe.attr)

    @property
    def spans_key(self) -> str:
        """Key in `doc.spans` of all entities."""
        return str(self._pipe.spans_key)

    def fault(self, text: str) -> str:
        """Say why a text can't be read: the tokenizer would need so long that nobody else had a turn.

        Args:
            text (str): The text.

        Returns:
            str: What is wrong with the text; empty if it is fine.
        """
        return slow_run(text) if isinstance(self.nlp.tokenizer, Tokenizer) else ""

    def read(
        self, text: str, *, threshold: float, rounds: int, progress: Callable[[float], object] = lambda share: None
    ) -> list[Doc]:
        """Process a text with 0, 1, ..., `rounds` rounds.

        A text of more than `PIECE` characters is read in pieces. Relations between pieces are not found.

        Args:
            text (str): The text.
            threshold (float): Lowest probability of a relation, for relations without their own threshold.
            rounds (int): The largest number of rounds.
            progress (Callable[[float], object]): Is called between turns, with the share of the text that is done.

        Returns:
            list[Doc]: What the page shows of the predictions after each number of rounds, from 0 to `rounds`. They
                have a vocabulary of their own, as that of the pipeline forgets the words of a turn after it.
        """
        vocab = create_vocab(self.nlp.lang, self.nlp.Defaults)
        pieces = list(split_text(text))
        parts: list[list[Doc]] = [[] for _ in range(rounds + 1)]
        for done, piece in enumerate(pieces, 1):
            for number, docs in enumerate(parts):
                settings = self._pipe.settings(threshold=threshold, rounds=number)
                with self._turns.take(), settings, self.nlp.memory_zone():
                    docs.append(copy_doc(self.nlp(piece), vocab, self.attr, self.spans_key))
            progress(done / len(pieces))
        return [join_docs(docs, self.attr) for docs in parts]


def split_text(text: str) -> Iterator[str]:
    """Split a text into pieces of at most `PIECE` characters, if possible between paragraphs or sentences.

    Args:
        text (str): The text.

    Yields:
        str: A piece. Together they are the text.
    """
    start = 0
    while len(text) - start > PIECE:
        for pattern in SPLITS:
            # Only the second half, because short pieces tell the pipeline too little.
            places = [match.end() for match in pattern.finditer(text, start + PIECE // 2, start + PIECE)]
            if places:
                break
        end = places[-1] if places else start + PIECE
        yield text[start:end]
        start = end
    yield text[start:]


def copy_doc(doc: Doc, vocab: Vocab, attr: str, spans_key: str) -> Doc:
    """Copy what the page shows of a Doc.

    Args:
        doc (Doc): The Doc.
        vocab (Vocab): The vocabulary of the copy.
        attr (str): The extension attribute of the relations.
        spans_key (str): Key in `doc.spans` of all entities.

    Returns:
        Doc: The copy.
    """
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    copy = Doc(vocab, words=words, spaces=spaces, sent_starts=[token.is_sent_start for token in doc])

    def move(span: Span) -> Span:
        return Span(copy, span.start, span.end, label=span.label_)

    copy.set_ents([move(entity) for entity in doc.ents])
    if spans_key in doc.spans:
        copy.spans[spans_key] = [move(span) for span in doc.spans[spans_key]]
    relations = get_relations(doc, attr)
    set_relations(copy, [(move(s), label, move(object_), score) for s, label, object_, score in relations], attr)
    return copy


def join_docs(docs: Sequence[Doc], attr: str) -> Doc:
    """Join the Docs of the pieces of a text, with their relations.

    Args:
        docs (Sequence[Doc]): The Docs.
        attr (str): The extension attribute of the relations.

    Returns:
        Doc: The Doc of the whole text.
    """
    if len(docs) == 1:
        return docs[0]
    excluded = {"exclude": ["tensor", "user_data"]}  # spaCy's types don't know this argument
    whole: Doc = Doc.from_docs(list(docs), ensure_whitespace=False, **excluded)  # type: ignore[arg-type]
    relations = []
    for doc, offset in zip(docs, accumulate(map(len, docs), initial=0)):
        for subject, label, object_, score in get_relations(doc, attr):
            ends = [Span(whole, s.start + offset, s.end + offset, label=s.label_) for s in (subject, object_)]
            relations.append((ends[0], label, ends[1], score))
    set_relations(whole, relations, attr)
    return whole
