"""Extract from an input in shards, on many workers. Each shard has a result of its own, so no worker knows another."""

import json
import os
from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from spacy.language import Language
from thinc.api import require_gpu
from tqdm import tqdm

from ..errors import Errors, FileError, require_setting, require_whole
from ..pipeline.loading import load_pipeline
from .addresses import would_find
from .engines import Engine, Processes, RayActors, run_shards
from .journal import checksum
from .results import Counts, Results, example_names
from .rows import require_score
from .run import checked_pipe, extract_in_zones, settings_of
from .shards import DEFAULT_SIZE, Shard, cut, read_shard

ENGINES = ("processes", "ray")


class ShardSummary(NamedTuple):
    """Summary of an extraction in shards.

    Attributes:
        documents (int): Number of texts in the shards that are done.
        failed (int): Number of these texts that could not be read or processed.
        triples (int): Number of triples.
        shards (int): Number of shards.
        resumed (int): Number of shards that were done before.
        failed_shards (dict[str, str]): Why shards failed, by id. If there are any, the run is not finished.
    """

    documents: int
    failed: int
    triples: int
    shards: int
    resumed: int
    failed_shards: dict[str, str]


def extract_shards(
    model: str | Path,
    input_address: str | Path,
    output_address: str | Path,
    *,
    engine: str = "processes",
    workers: int | None = None,
    address: str | None = None,
    num_gpus: float = 0,
    gpu_id: int = -1,
    input_format: str | None = None,
    text_key: str = "text",
    id_key: str | None = None,
    min_score: float = 0.0,
    relations: Collection[str] | None = None,
    entities: bool = False,
    batch_size: int = 256,
    shard_size: int = DEFAULT_SIZE,
    overwrite: bool = False,
    progress: bool = False,
) -> ShardSummary:
    """Extract triples from a large input in shards, and write a Parquet file for each to a folder.

    To go on with a stopped run, call the function again with the same arguments. Each document is in the results
    exactly once, whatever was killed. Documents that fail are listed in "ID.errors.jsonl" beside the result of their
    shard. When all is done, "manifest.json" is written.

    Args:
        model (str | Path): Name or path of a pipeline with a trained "rin_joint", the same on all machines.
        input_address (str | Path): A file, a folder or a pattern, see `shards.cut`.
        output_address (str | Path): The folder to write, at any address that fsspec writes to.
        engine (str): "processes" of this machine, or "ray".
        workers (int | None): Number of workers. None is the number of CPUs.
        address (str | None): Address of a Ray cluster. None is the one of this session, or a new one on this machine.
        num_gpus (float): GPUs of each worker (ray).
        gpu_id (int): The GPU of this machine that all processes use, or -1 for the CPU (processes).
        input_format (str | None): Format of the input. None takes it from the suffixes.
        text_key (str): Key or column of the text.
        id_key (str | None): Key or column of the id, see `shards.read_shard`.
        min_score (float): Lowest probability of a triple, from 0 to 1.
        relations (Collection[str] | None): Labels of the relations to keep. None keeps all.
        entities (bool): Whether to write the entities of the documents, too, to the folder "entities".
        batch_size (int): Texts in a batch.
        shard_size (int): Bytes of text in a shard, roughly.
        overwrite (bool): Whether to delete results of other runs from the folder.
        progress (bool): Whether to show a progress bar, if there is a terminal.

    Returns:
        ShardSummary: Counts of documents, failures and triples.

    Raises:
        RinError: R015, R016 or R018 if the pipeline can't be used.
        NotTrainedError: R011 if the component is not trained.
        SettingError: R010 if a setting is not valid, R031 if the format is unknown, R066 if a relation is.
        FileError: R033, R034 or R061 if the input can't be read, R034 if the output can't be written, R080 if it has
            results of another run, R081 if workers can't start.
        MissingPackageError: R060 or R084 if a package is missing.
    """
    require_setting("engine", engine, engine in ENGINES, f"one of: {', '.join(ENGINES)}")
    require_whole("batch_size", batch_size, 1)
    require_score("min_score", min_score)
    if workers is not None:
        require_whole("workers", workers, 1)
    source, target = str(input_address), str(output_address)
    _check_apart(source, target)
    relations = None if relations is None else sorted(set(relations))
    shards = cut(source, input_format, text_key=text_key, size=shard_size)
    keys = {"text_key": text_key, "id_key": id_key}
    options = {"min_score": min_score, "relations": relations}
    identity = _identity(load_pipeline(model), relations)
    results = Results(target, {**identity, **keys, **options, "entities": entities}, entities=entities)
    done = results.prepare(shards, overwrite=overwrite)
    resumed = len(done)
    failed_shards: dict[str, str] = {}
    # Large ones begin first, so that at the end all workers wait for a small one.
    missing = sorted((shard for shard in shards if shard.id not in done), key=lambda shard: -shard.size)
    if missing:
        gpu = gpu_id if engine == "processes" else 0 if num_gpus else -1
        # Workers may have another working directory.
        path = os.path.abspath(model) if os.path.exists(model) else str(model)
        task = ShardTask(path, results, keys, {**options, "batch_size": batch_size}, gpu)
        pool: Engine
        if engine == "ray":
            pool = RayActors(task, workers, address=address, num_gpus=num_gpus)
        else:
            pool = Processes(task, workers or os.cpu_count() or 1)
        with (
            closing(run_shards(pool, missing)) as answers,
            _Progress(len(shards), resumed, shown=progress) as bar,
        ):
            for shard, answer in answers:
                if answer.counts is not None:
                    done[shard.id] = answer.counts
                elif counts := results.counts(shard):  # its worker died just after it had written the result
                    done[shard.id] = counts
                else:
                    failed_shards[shard.id] = answer.reason
                    results.report(shard, [{"shard": shard.id, "error": answer.reason}])
                bar.add(done.get(shard.id))
    if not failed_shards:
        results.finish(shards, done)
    total = {name: sum(getattr(counts, name) for counts in done.values()) for name in Counts._fields}
    return ShardSummary(**total, shards=len(shards), resumed=resumed, failed_shards=failed_shards)


class ShardTask:
    """What a worker does: it loads the pipeline once, and reads shards.

    Args:
        model (str): Name or path of the pipeline.
        results (Results): Where the results go.
        keys (Mapping[str, Any]): Options of `read_shard`.
        options (Mapping[str, Any]): Options of `extract`.
        gpu_id (int): GPU ID, or -1 for the CPU.
    """

    _nlp: Language

    def __init__(
        self, model: str, results: Results, keys: Mapping[str, Any], options: Mapping[str, Any], gpu_id: int = -1
    ) -> None:
        self.model = model
        self.results = results
        self.keys = dict(keys)
        self.options = dict(options)
        self.gpu_id = gpu_id

    def load(self) -> None:
        """Load the pipeline.

        Raises:
            RinError: R015 or R016 if it can't be loaded.
            FileError: R082 if it is another than that of the run.
        """
        if self.gpu_id >= 0:
            require_gpu(self.gpu_id)
        nlp = load_pipeline(self.model)
        found = _identity(nlp, self.options["relations"])
        if any(self.results.run[name] != value for name, value in found.items()):
            raise FileError(Errors.R082, name=self.model)
        self._nlp = nlp

    def __call__(self, shard: Shard) -> Counts:
        """Read a shard, and write its results.

        Args:
            shard (Shard): The shard.

        Returns:
            Counts: What was read.

        Raises:
            FileError: See `read_shard` and `Results.write`.
        """
        documents = read_shard(shard, **self.keys)
        return self.results.write(shard, extract_in_zones(self._nlp, documents, failures=True, **self.options))


class _Progress:
    """A bar of shards, with documents per second and failures. What other shards do at the moment is not counted."""

    def __init__(self, shards: int, done: int, *, shown: bool) -> None:
        # With None, tqdm shows no bar if there is no terminal.
        self._bar = tqdm(total=shards, initial=done, unit=" shards", disable=None if shown else True)
        self._began = monotonic()
        self._documents = self._failed = self._shards = 0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def add(self, counts: Counts | None) -> None:
        """Count a shard; None if it failed."""
        if counts is None:
            self._shards += 1
        else:
            self._documents += counts.documents
            self._failed += counts.failed
        speed = self._documents / max(monotonic() - self._began, 1e-9)
        failures = f"failed: {self._failed:,} documents, {self._shards:,} shards"
        self._bar.set_postfix_str(f"{speed:,.0f} documents/s, {failures}", refresh=False)
        self._bar.update()


def _identity(nlp: Language, relations: Collection[str] | None) -> dict[str, Any]:
    pipe = checked_pipe(nlp, relations)
    found = {"pipeline": None if nlp.path is None else checksum(nlp.path), **settings_of(pipe)}
    return dict(json.loads(json.dumps(found)))  # as it is read from results


def _check_apart(source: str, target: str) -> None:
    """Check that results are not read as input when the run goes on."""
    if any(would_find(source, f"{target.rstrip('/')}/{name}") for name in example_names()):
        raise FileError(Errors.R034, path=target, reason="the results would be a part of the input")
