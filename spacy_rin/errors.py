"""Errors and warnings with codes: each says what is wrong and what to do about it."""

from enum import Enum, unique

from .characters import without_controls


class Message(Enum):
    """A text with a code, its name, and places for values."""

    def format(self, **values: object) -> str:
        """Fill in the values, and put the code in front."""
        message = f"[{self.name}] {self.value.format(**values)}"
        # Names of files and values of users can have surrogates, which can't be printed.
        return message.encode("utf-8", "backslashreplace").decode("utf-8")


@unique
class Errors(Message):
    """Messages of exceptions, see `RinError`."""

    # Relations on a Doc
    R001 = (
        "The custom attribute 'doc._.{name}' is already registered by something else, so the relations can't be "
        "stored there. Give the component another name for it, e.g. nlp.add_pipe('rin_joint', "
        "config={{'attr': 'rin_relations'}}), or remove the other extension first."
    )
    R002 = (
        "A relation must be a Relation or a tuple (subject, label, object) or (subject, label, object, score), "
        "with Spans of this Doc as subject and object, a non-empty string as label and a number from 0 to 1 as score, "
        "but this was given: {value!r} ({reason})."
    )
    R003 = (
        "The relations of this Doc belong to another text: the Doc was cut out of a longer one "
        "(`Span.as_doc(copy_user_data=True)`, for instance). Set `doc._.{name}` again."
    )
    R004 = "The stored relations 'doc._.{name}' of this Doc are damaged: {reason}. Set them again."
    # Settings and state of the component
    R010 = "Setting '{name}' must be {expected}, but it is {value!r}."
    R011 = (
        "Component '{name}' has no labels or no network yet, so it can't predict or be updated. Train it first (`spacy "
        "train`), or call `nlp.initialize()` with examples that have entities and relations."
    )
    R012 = (
        "No relations were found in the {n} training example(s) of component '{name}' (looked for 'doc._.{attr}'). "
        "Give `nlp.initialize()` examples that have some. If they come from a .spacy file, check that it was written "
        "with `DocBin(store_user_data=True)` and is read by 'spacy_rin.Corpus.v1' ('spacy.Corpus.v1' can drop them)."
    )
    R013 = (
        "No examples with tokens were given to initialize component '{name}'. Check `corpora.train.path` and that "
        "the file is not empty."
    )
    R014 = (
        "The labels given to initialize component '{name}' must be a dict with the lists 'entities' and 'relations', "
        "both of at least one non-empty string, as `spacy init labels` writes it, but they are: {labels!r}."
    )
    R015 = (
        "The pipeline '{name}' can't be loaded ({reason}). Check the name. If it is a folder, copy it again: a file in "
        "it may be damaged, or of another version of spaCy."
    )
    R016 = (
        "The saved model of component '{name}' is damaged or doesn't fit its config ({reason}). Copy the whole "
        "pipeline folder again; if the config was edited, undo that."
    )
    R017 = (
        "The entity '{span}' in the gold annotation has no label (\"{text}\"). Give every entity, and every Span of a "
        "relation, a label: Span(doc, start, end, label='PERSON')."
    )
    R018 = "The pipeline has no component 'rin_joint', or it is disabled, so there are no relations to extract."
    R019 = (
        "Component '{name}' would write to the same places as '{other}': relations to doc._.{attr}, or entities to "
        "doc.spans['{key}']. Give it others, e.g. nlp.add_pipe('rin_joint', name='{name}', config={{'attr': "
        "'{name}_relations', 'spans_key': '{name}'}}). If it comes from a trained pipeline, load that with others, by "
        "the name that it has there: spacy.load(path, config={{'components.{name}.attr': '{name}_relations', "
        "'components.{name}.spans_key': '{name}'}})."
    )
    # Architectures
    R020 = (
        "The features of the network have {found} columns, but it was initialized with {expected}. Was the "
        "tok2vec or transformer replaced? Then train the component again."
    )
    R021 = (
        "The word vectors of the pipeline have {found} dimensions, but 'spacy_rin.WordPosEmbed.v1' was told "
        "{expected}. Set its `width` to {found}."
    )
    R022 = "The network has no parameters yet: the component must be initialized or loaded before it is used."
    # Corpora and converters
    R030 = "{path}:{line}: {reason}"
    R031 = "Unknown format '{format}'. Choose one of: {formats}."
    R032 = "{path} has no records. Check that it is the right file, and that the format '{format}' is right."
    R033 = "{path} does not exist."
    R034 = "{path}: {reason}"
    R035 = (
        "The augmenter changed the number of tokens of a text, so its relations can't be kept. Use an augmenter that "
        "keeps the tokens, or that sets the relations itself."
    )
    R036 = (
        "No text has annotated relations (looked for 'doc._.{attr}'). Check that the "
        "file was written with `DocBin(store_user_data=True)`."
    )
    R037 = "spaCy can't tokenize the language '{lang}': {reason}"
    R039 = (
        "This can't be made a Doc: {reason}. A record has the form {{'text': 'Ada left Rome.', 'entities': [[0, 3, "
        "'PERSON'], [9, 13, 'CITY']], 'relations': [[0, 'left', 1]]}}, and its entities must be whole tokens of the "
        "pipeline (or use snap=True)."
    )
    # Formats of annotation
    R040 = (
        "The split must be shares above 0 that add up to 1, for train, dev and test (e.g. 0.8,0.1,0.1), or for train "
        "and dev alone (0.8,0.2), but it is '{value}'."
    )
    R041 = (
        "The format of {path} was not recognised: {seen}. If it is one of the formats in `spacy rin convert --help`, "
        "name it with --format to see what is wrong with the file."
    )
    R042 = "The format of {path} is ambiguous: it could be {formats}. Name it with --format."
    R043 = (
        "The texts of {path} can't be cut into sentences, because they are tokenised (format '{format}'). Leave out "
        "--sents."
    )
    R044 = (
        "The part '{part}' would be empty: there are {docs} texts in {groups} groups, and a group can't be split "
        "(equal texts, or sentences of one text). Choose other shares, or do not split."
    )
    R045 = "{path} does not exist. brat needs a .txt file and an .ann file of the same name for each text."
    R046 = (
        "There is nothing to export: no text of {path} has annotated relations. Check that the file was written with "
        "`DocBin(store_user_data=True)`. To export predictions, name a pipeline with --model."
    )
    R047 = "{path} has no texts to train on, only {counts}."
    R048 = (
        "brat can't hold the label '{label}': its labels have no characters but a-z, A-Z, 0-9, '_' and '-'. Rename it, "
        "or choose another format."
    )
    R049 = (
        "Not one triple is left of the {texts} text(s) of {path}, so there is nothing to learn. Left out: {counts}\n"
        "Check the format and its options, or use --allow-empty if the texts are to have no relations."
    )
    # Evaluation
    R050 = "{n} text(s) can't be split into {folds} folds. Give at least two folds, and a text for each."
    R051 = "Give either --output or --in-place: the pipeline is written to a new folder, or changed where it is."
    R052 = "{path} is no folder of a pipeline, so it can't be changed in place. Give a new folder by --output instead."
    R053 = "{path} can't be read as a .spacy file ({reason}). Make one with `spacy rin convert`, or write it again."
    R054 = (
        "There is nothing to compare with: no text of the training data has annotated relations (looked for "
        "'doc._.{attr}'). Check that the file was written with `DocBin(store_user_data=True)`."
    )
    R055 = "{path}: text {number} is damaged ({reason}). Make the file again, e.g. with `spacy rin convert`."
    # Extraction
    R060 = "{what} needs the package {package}. Install it: pip install 'spacy-rin[{extra}]'."
    R061 = "{path} has no column '{column}'. Its columns are: {columns}. Choose with --text-key and --id-key."
    R062 = (
        "{path} is the journal of another run, which stopped before its end: {differences}. Go on with that one by its "
        "own command, or discard its results with --overwrite."
    )
    R063 = (
        "{path}:{line}: this is damaged, or not the journal of a run. Start again with --overwrite, which discards "
        "the file, or choose another output."
    )
    R064 = (
        "The input is not what it was: document {number} in {path} is '{id}' with other content, or is not there. "
        "Start again with --overwrite."
    )
    R065 = "{path} is in use: another process runs the same extraction. Wait for it, or choose another output."
    R066 = "The pipeline does not know the relations {unknown}. It knows: {known}. Put names with commas in quotes."
    R067 = "{base!r} can't be the base of IRIs: give an absolute one, e.g. 'https://example.org/kb/'."
    R068 = "Document '{id}' can't be read: {reason}."
    R069 = "There must be one id for each Doc, but {reason}. Give as many `ids` as Docs, or leave them out."
    # Pictures and pages
    R070 = "There is no option '{name}' of `render`. The options are: {names}."
    R071 = "`render` draws Docs and Spans, alone or in a list, not {value!r:.100}."
    R072 = (
        "There are no relations to draw: nothing has set 'doc._.{attr}'. Give `render` Docs of a pipeline that has a "
        "trained 'rin_joint', or set 'doc._.{attr} = []' to draw the entities alone. The option 'attr' names another "
        "attribute."
    )
    R074 = "The page can't be served at {host}, port {port} ({reason}). Choose another `--host` or `--port`."
    R075 = "Can't make a config: {reason}. Change the options of `spacy rin init`."
    # Extraction in shards
    R080 = (
        "{path} has results of another run, {count} shard(s): {differences}. Go on with that run by its own command, "
        "choose another folder, or delete its results with --overwrite."
    )
    R081 = "The workers can't start: {reason}"
    R082 = (
        "The pipeline {name} of a worker is not that of the run: its files or its version of spacy-rin differ. Give "
        "all machines the same pipeline, and start again."
    )
    R083 = "{options} can't be used {how}. Leave it out, or see the --help of the command."
    R084 = "{path} can't be opened without another package: {reason}. Install what is named here with pip."
    # Facts
    R090 = (
        "{path} can't be read as triples: {reason}. Give what `spacy rin extract` wrote: a folder of shards, or "
        ".parquet, .csv, .tsv or .jsonl files."
    )
    # Suggestions
    R100 = (
        "There is nothing to suggest: of {texts} text(s), {failed} failed{reason}, and {known} are nearly the same as "
        "one of the training data."
    )
    # Configs
    R110 = (
        "A config can't hold these names in '{name}': {labels}. Leave them out of the config, and call `{method}` of "
        "the component instead: what is set that way is saved with it, whatever its names."
    )


@unique
class Warnings(Message):
    """Messages of warnings: `warnings.warn(Warnings.W001.format(...))`."""

    def format(self, **values: object) -> str:
        """Fill in the values, on one line, and put the code in front. Python prints a warning as it is."""
        return super().format(**{name: without_controls(str(value)) for name, value in values.items()})

    W001 = (
        "{kind} label '{label}' is not among the labels of component '{name}' and is not learned. Add it with "
        "`add_label`, or check that the label file covers the training data."
    )
    W002 = (
        "The words for 'spacy_rin.WordPosEmbed.v1' were collected from {n} documents only. Use it inside the model of "
        "'rin_joint', which shows it the whole training corpus; a shared 'tok2vec' component sees ten documents."
    )
    W003 = (
        "Component '{name}' reads {kind}, but the texts it learns from have none, so it will not know what to do with "
        "them later. Name the component that sets them in `training.annotating_components`, and put it before '{name}'."
    )
    W004 = (
        "The two entities of some gold relations of component '{name}' are not in one sentence, or not in one window "
        "of a long text. These relations can't be learned or found; see `context` of the component, and `max_length` "
        "of its network."
    )
    W005 = (
        "Component '{name}' learned from texts with {kind}, but these texts have none, so it finds less. Put the "
        "component that sets them into the pipeline, before '{name}', and don't disable it."
    )
    W006 = (
        "Some texts, or sentences in them, have more relations than component '{name}' has slots for them ({slots}). "
        "The rest is neither learned nor found. Raise `slots` of 'spacy_rin.Interactive.v1'; `spacy rin data` "
        "counts what is lost."
    )
    W007 = (
        "None of the relations of the training data is a label of component '{name}', so they can't tell which of its "
        "relations are rare: {labels}."
    )
    W008 = (
        "The network learned with word vectors, but this pipeline has none, so it knows nothing of words that it did "
        "not see in training. If the component comes from another pipeline, share its vocabulary: "
        "`spacy.blank('en', vocab=other.vocab)`."
    )
    W009 = (
        "Component '{name}' learns '{label}' from {subject} to {object}, which its constraints don't allow, so it will "
        "not find it. Allow these types by `set_constraints`, or everything by `set_constraints({{}})`."
    )
    W010 = (
        "The learning rate of component '{name}' was 0 in {n} updates, in which it learned nothing. Set "
        "`optimizer.learn_rate`, or call `optimizer.step_schedules()` after each update: a rate that rises starts at 0."
    )
    W011 = (
        "Component '{name}' replaces relations in doc._.{attr} that it does not know, such as '{label}'. If another "
        "component set them, give one of the two another place. For a trained pipeline: `spacy.load(path, config="
        "{{'components.rin_joint.attr': 'others', 'components.rin_joint.spans_key': 'others'}})`."
    )
    W012 = (
        "Component '{name}' found more than 100 triples, and 10 more for each token, in a text. It keeps the most "
        "probable ones. This is normal when training starts. Otherwise, train longer, or set a higher "
        "`threshold`."
    )
    W013 = (
        "Component '{name}' reads {kind}, and these texts have them, but those that it learned from had none. It may "
        "find much less, and wrong triples. Train it with the component that sets them, named in "
        "`training.annotating_components`, or take that component out of the pipeline."
    )
    W014 = (
        "`{setting}` of component '{name}' names '{label}', which is none of its relations, so it has no effect there. "
        "Its relations are: {known}."
    )
    W015 = (
        "{n} of {total} entities begin or end inside a token of the tokenizer of the language '{lang}'. They are "
        "learned with the tokens of the file, but never found in raw text. Name the language of the texts, by `--lang` "
        "of the command. If it is right, correct the entities, or give the pipeline a tokenizer that splits such words."
    )
    W016 = (
        "`constraints` of component '{name}' lets '{label}' join entities of type '{type}', but the component has no "
        "such type. Its types are: {known}."
    )
    W017 = (
        "Component '{name}' replaces what component '{other}' found in the same text. Give one of the two another "
        "`attr` and `spans_key`: a pipeline with both can be saved, but not loaded again."
    )


class RinError(ValueError):
    """Something that was given to the package can't be used as it is.

    Attributes:
        code (str): Code of the message, e.g. "R010". It stays the same when the wording changes.
    """

    code: str

    def __init__(self, message: Errors, /, **values: object):
        """Make the error.

        Args:
            message (Errors): The message.
            **values: The values that its text names.
        """
        super().__init__(message.format(**values))
        self.code = message.name

    def __reduce__(self) -> tuple[object, ...]:
        # Worker processes send errors home as text: the values may be anything.
        return _restore, (type(self), str(self), self.code)


class SettingError(RinError):
    """An argument or a setting is not valid."""


class FileError(RinError):
    """A file is missing, can't be read or written, or is not what it should be."""


class NotTrainedError(RinError):
    """A component or network is used before it is initialized or loaded."""


class MissingPackageError(RinError, ImportError):
    """An optional package is not installed."""


def _restore(kind: type[RinError], text: str, code: str) -> RinError:
    error = kind.__new__(kind, text)
    error.args, error.code = (text,), code
    return error


def require_whole(name: str, value: object, least: int) -> None:
    """Check a setting that is a whole number.

    Args:
        name (str): Name of the setting.
        value (object): Its value.
        least (int): The lowest valid value.

    Raises:
        SettingError: R010 if the value is not valid.
    """
    valid = type(value) is int and value >= least
    require_setting(name, value, valid, f"a whole number, at least {least}")


def require_setting(name: str, value: object, valid: bool, expected: str) -> None:
    """Check a setting.

    Args:
        name (str): Name of the setting.
        value (object): Its value.
        valid (bool): Whether the value is valid.
        expected (str): What a value must be, in words.

    Raises:
        SettingError: R010 if the value is not valid.
    """
    if not valid:
        raise SettingError(Errors.R010, name=name, expected=expected, value=value)
