"""Predictions after every round of interaction, at any threshold."""

from threading import Lock

from spacy.language import Language
from spacy.tokens import Doc

from ..pipeline.component import find_component


class RoundsReader:
    """Reads texts with a pipeline under settings that differ from call to call, and leaves the pipeline as it was.

    The classifiers of a Recurrent Interaction Network are the same in all rounds, so it has predictions after each of
    them, also after more rounds than it was trained with. Only one call at a time is under way: visitors of a page
    share the pipeline.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint", the first of them if there are several.
        threshold (float): The pipeline's own threshold.
        thresholds (dict[str, float]): Relations that have another threshold, and theirs.
        rounds (int): The pipeline's own number of rounds; a network that was trained without rounds can't do any.

    Raises:
        RinError: R018 if it has none.
    """

    def __init__(self, nlp: Language):
        _, pipe = find_component(nlp)
        self.nlp = nlp
        self._pipe = pipe
        self._lock = Lock()
        # Not asked for later, when a call may have changed them for a while.
        self.threshold = pipe.threshold
        self.thresholds = pipe.thresholds
        self.rounds = pipe.rounds

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return "_".join(str(self.nlp.meta[key]) for key in ("lang", "name"))

    @property
    def attr(self) -> str:
        """The extension attribute of the relations."""
        return str(self._pipe.attr)

    @property
    def spans_key(self) -> str:
        """Key of all entities in `doc.spans`."""
        return str(self._pipe.spans_key)

    def read(self, text: str, *, threshold: float, rounds: int) -> list[Doc]:
        """Read a text.

        Args:
            text (str): The text.
            threshold (float): Lowest probability of a relation that has no threshold of its own.
            rounds (int): The number of rounds.

        Returns:
            list[Doc]: What the pipeline makes of the text after no round, one round, ..., all rounds.
        """
        docs = []
        with self._lock:
            for number in range(rounds + 1):
                with self._pipe.settings(threshold=threshold, rounds=number):
                    docs.append(self.nlp(text))
        return docs
