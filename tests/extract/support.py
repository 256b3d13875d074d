"""Results of extractions, without a pipeline."""

from pathlib import Path
from typing import Any

from spacy_rin.extract.results import Results
from spacy_rin.extract.shards import cut


def write_shards(rows: Any, folder: Path) -> None:
    """Write rows as an extraction in shards does, half of them to each of two shards."""
    texts = folder.parent / "texts"
    texts.mkdir(exist_ok=True)
    for name in ("a.txt", "b.txt"):
        (texts / name).write_text(name)
    shards = cut(str(texts / "*.txt"), size=len("a.txt"))
    results = Results(str(folder), {}, entities=True)
    results.prepare(shards)
    counts = {shard.id: results.write(shard, rows[i::2]) for i, shard in enumerate(shards)}
    results.finish(shards, counts)
