"""Score the pipeline of a run by all that the tables show."""

from pathlib import Path
from typing import Any

import numpy as np
import spacy
from reports import write_json
from spacy import util
from spacy.language import Language
from spacy.scorer import Scorer
from spacy.training import Example
from variants import DATA_SETS, Run, Settings

from spacy_rin.evaluation.novelty import find_known, make_table, score_novelty, score_table
from spacy_rin.evaluation.scorer import score_groups, score_matches
from spacy_rin.pipeline.component import find_component
from spacy_rin.pipeline.corpus import create_corpus_reader, read_docs
from spacy_rin.pipeline.decode import head_of

# Scores of dev and of test: of everything, and by groups of texts or triples.
KINDS = ("rel_exact", "rel_partial", "all_pairs_exact", "all_pairs_partial", "ents", "rel_text", "rel_table")
GROUP_KINDS = ("rel_exact_per_novelty", "rel_exact_per_pattern", "rel_exact_per_count")
ALL_KINDS = (*KINDS, *GROUP_KINDS)


def score(run: Run, settings: Settings) -> None:
    """Score the best pipeline of a trained run on dev and test, and write scores.json."""
    nlp = spacy.load(run.folder / "model-best")
    result: dict[str, Any] = {
        "variant": run.variant,
        "seed": run.seed,
        "epoch": best_epoch(run.folder / "log.txt", DATA_SETS[settings.data_set].match),
        **(run.read_trained() or {}),
    }
    train = read_docs(settings.corpus / settings.data_set / "train.spacy", nlp.vocab)
    known, table = find_known(train), make_table(train)
    for part in ("dev", "test"):
        examples = list(create_corpus_reader(settings.corpus / settings.data_set / f"{part}.spacy")(nlp))
        docs = nlp.pipe([eg.predicted.copy() for eg in examples])
        predicted = [Example(doc, eg.reference) for doc, eg in zip(docs, examples)]
        scores = Scorer(nlp).score(predicted)
        result[part] = {
            name: {letter: scores[f"{name}_{letter}"] for letter in "prf"}
            for name in ("rel_exact", "rel_partial", "ents")
        }
        result[part].update(
            score_all_pairs(nlp, examples),
            rel_text=score_matches(predicted)["rel_text"],
            rel_table=score_table(predicted, table),
            rel_exact_per_novelty=score_novelty(predicted, known),
            **{name: rows for name, rows in score_groups(predicted).items() if name in GROUP_KINDS},
        )
    write_json(run.scores, result)


def score_all_pairs(nlp: Language, examples: list[Example]) -> dict[str, dict[str, float]]:
    """Score a pipeline as the released code of the papers does.

    Every predicted token pair counts as a prediction, even if its tokens are not heads of entities. By exact match,
    only triples of the pipeline can be right. By partial match, a pair is right if its tokens are the heads of the
    entities of a gold triple with the same label.

    Args:
        nlp (Language): The pipeline.
        examples (list[Example]): Docs to predict, and gold Docs.

    Returns:
        dict[str, dict[str, float]]: Precision, recall and F1 of "all_pairs_exact" and "all_pairs_partial".
    """
    _, component = find_component(nlp)
    n_predicted = n_gold = n_exact = n_partial = 0
    for batch in util.minibatch(examples, 64):
        docs = list(nlp.pipe(eg.predicted.copy() for eg in batch))
        segments, output = component.model.predict(docs)
        pairs, owners, offset = [], [], 0
        for segment in segments:
            length = segment.end - segment.start
            pairs.append(np.stack(np.divmod(np.arange(length**2), length), 1) + offset)
            owners.append(np.array([[segment.doc, segment.start - offset]] * length**2))
            offset += length
        i, j = np.concatenate(pairs).T
        owner = np.concatenate(owners)
        where, labels, _ = output.probable(i, j, component.label_thresholds)
        found = {
            (owner[w, 0], int(i[w] + owner[w, 1]), component.relation_labels[label], int(j[w] + owner[w, 1]))
            for w, label in zip(where.tolist(), labels.tolist())
        }
        n_predicted += len(found)
        for index, eg in enumerate(batch):
            gold, predicted = eg.reference._.relations, docs[index]._.relations
            n_gold += len(gold)
            n_exact += len({_span_key(r) for r in gold} & {_span_key(r) for r in predicted})
            heads = {
                (
                    index,
                    head_of(r.subject.start, r.subject.end, component.head),
                    r.label,
                    head_of(r.object.start, r.object.end, component.head),
                )
                for r in gold
            }
            n_partial += len(heads & found)
    return {
        "all_pairs_exact": prf(n_exact, n_predicted, n_gold),
        "all_pairs_partial": prf(n_partial, n_predicted, n_gold),
    }


def _span_key(relation: Any) -> tuple[Any, ...]:
    return relation.subject.start, relation.subject.end, relation.label, relation.object.start, relation.object.end


def is_scored(run: Run) -> bool:
    """Check whether a run has all scores. Runs of earlier versions lack some, and can be scored again."""
    scores = run.read_scores()
    return scores is not None and all(set(ALL_KINDS) <= scores[part].keys() for part in ("dev", "test"))


def prf(right: int, predicted: int, gold: int) -> dict[str, float]:
    """Compute precision, recall and F1."""
    return {
        "p": right / max(predicted, 1),
        "r": right / max(gold, 1),
        "f": 2 * right / max(predicted + gold, 1),
    }


def epoch_rows(log: Path) -> list[list[str]]:
    """Read the rows of scores in a log of `spacy train`, which may be unfinished."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return [cells for line in lines if len(cells := line.split()) > 3 and cells[0].isdigit() and cells[1].isdigit()]


def best_epoch(log: Path, match: str) -> int:
    """Find the epoch whose pipeline was kept, by the F1 on dev in the log. Of equal scores, take the last epoch.

    The final score in the log can't be used for this, because it has too few digits.
    """
    (header,) = (line.split() for line in log.read_text(errors="replace").splitlines() if line.startswith("E "))
    # Count columns from the right, because names of losses contain spaces.
    column = header.index(f"REL_{match.upper()}_F") - len(header)
    return int(max(reversed(epoch_rows(log)), key=lambda row: float(row[column]))[0])
