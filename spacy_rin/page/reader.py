"""Get predictions after every round of interaction, at any threshold."""

from threading import Lock

from spacy.language import Language
from spacy.tokens import Doc

from ..pipeline.component import find_component


class RoundsReader:
    """Runs a pipeline with different settings for each call, without changing the pipeline.

    A Recurrent Interaction Network uses the same classifiers in all rounds. It can therefore predict after any round,
    and for more rounds than it was trained with. All visitors of the page share the pipeline, so calls are
    processed one at a time.

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
        self._lock = Lock()
        # Copied here, because `read` changes the settings of the component temporarily.
        self.threshold = pipe.threshold
        self.thresholds = pipe.thresholds
        self.rounds = pipe.rounds

    @property
    def name(self) -> str:
        """Name of the pipeline."""
        return "_".join(str(self.nlp.meta[key]) for key in ("lang", "name"))

    @property
    def attr(self) -> str:
        """Extension attribute of the relations."""
        return str(self._pipe.attr)

    @property
    def spans_key(self) -> str:
        """Key in `doc.spans` of all entities."""
        return str(self._pipe.spans_key)

    def read(self, text: str, *, threshold: float, rounds: int) -> list[Doc]:
        """Process a text with 0, 1, ..., `rounds` rounds.

        Args:
            text (str): The text.
            threshold (float): Lowest probability of a relation, for relations without their own threshold.
            rounds (int): The largest number of rounds.

        Returns:
            list[Doc]: The predictions after each number of rounds, from 0 to `rounds`.
        """
        docs = []
        with self._lock:
            for number in range(rounds + 1):
                with self._pipe.settings(threshold=threshold, rounds=number):
                    docs.append(self.nlp(text))
        return docs
