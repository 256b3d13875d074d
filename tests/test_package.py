"""The package as a whole: what it registers, and which module may know which."""

import ast
import pickle
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import spacy
from spacy import registry
from spacy.language import Language

import spacy_rin
from spacy_rin.errors import Errors, Message, MissingPackageError, Warnings

SOURCE = Path(spacy_rin.__file__).parent
ENTRY_POINTS = [
    entry for group in ("factories", "architectures", "readers", "augmenters", "batchers", "scorers", "cli")
    for entry in entry_points(group=f"spacy_{group}")
    if entry.value.startswith("spacy_rin")
]  # fmt: skip


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=lambda entry: entry.name)
def test_entry_point(entry: Any) -> None:
    assert callable(entry.load())
    if entry.group != "spacy_cli":
        assert registry.has(entry.group.removeprefix("spacy_"), entry.name)


def test_all_entry_points_are_there() -> None:
    assert sorted(entry.name for entry in ENTRY_POINTS) == [
        "rin",
        "rin_joint",
        "spacy_rin.BiLSTMEncoder.v1",
        "spacy_rin.Corpus.v1",
        "spacy_rin.DependencyGCN.v1",
        "spacy_rin.Interactive.v1",
        "spacy_rin.RIN.v1",
        "spacy_rin.RINInt.v1",
        "spacy_rin.WordPosEmbed.v1",
        "spacy_rin.join_texts.v1",  # an augmenter
        "spacy_rin.join_texts.v1",  # a batcher
        "spacy_rin.replace_names.v1",
        "spacy_rin.rin_scorer.v1",
    ]


def run(code: str, *args: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True).stdout


def test_pipeline_loads_where_the_package_is_never_imported(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path)
    code = """
import sys, spacy
nlp = spacy.load(sys.argv[1])
for r in nlp("Ada Brook was born in Larne .")._.relations:
    print(r.subject, r.label, r.object)
"""
    assert run(code, str(tmp_path)) == "Ada Brook born_in Larne\n"


def test_imports_are_light() -> None:
    assert run("import spacy_rin, sys; print('spacy' in sys.modules, 'torch' in sys.modules)") == "False False\n"
    ours = "print(sorted(name for name in sys.modules if name.startswith('spacy_rin')))"
    loaded = eval(run(f"import sys, spacy.cli, spacy_rin.cli; {ours}"))
    assert [name for name in loaded if not name.startswith("spacy_rin.cli")] == ["spacy_rin"]
    assert "Relation" in run("import spacy_rin; print(spacy_rin.Relation.__doc__, dir(spacy_rin))")
    with pytest.raises(AttributeError):
        _ = spacy_rin.nonsense


# From left to right, each part of the package imports those to its left only. Parts of one row never import each other.
ORDER = [
    {"characters", "errors", "files", "groups", "markup", "relations", "strict_json"},
    {"model"},
    {"pipeline"},
    {"convert", "evaluation", "extract", "visualize"},
    {"page", "init_config", "integrations", "suggest"},
    {"cli"},
    {"__init__"},
]
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}


def imported(path: Path) -> set[str]:
    """Modules that a source file imports, wherever in it, by their full names."""
    package = ["spacy_rin", *path.relative_to(SOURCE).parts[:-1]]
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # `from . import name` imports a module, or a name that the package itself has.
            names |= {f"{module}.{alias.name}" for alias in node.names} if module == "spacy_rin" else {module}
    return names


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_data_flows_one_way(path: Path) -> None:
    part = path.relative_to(SOURCE).with_suffix("").parts[0]
    names = imported(path)
    for name in names:
        if name.startswith("spacy_rin."):
            other = name.split(".")[1]
            together = other == part or {part, other} <= ORDER[0]
            assert RANK[other] < RANK[part] or together, f"{part} imports {name}"
    roots = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
    assert part == "model" or "torch" not in roots
    if "networks" in path.parts:
        assert roots <= {"numpy", "torch", "spacy_rin"}
        assert {name for name in names if name.startswith("spacy_rin")} <= {"spacy_rin.model.networks"} | {
            f"spacy_rin.model.networks.{other.stem}" for other in path.parent.glob("*.py")
        }
    # A config joins the component and the architectures; neither knows the other.
    assert part == "model" or not {"spacy_rin.model.architectures", "spacy_rin.model.features"} & names


@pytest.mark.parametrize("messages", [Errors, Warnings])
def test_messages_have_codes_and_are_used(messages: type[Message]) -> None:
    source = "".join(path.read_text("utf8") for path in SOURCE.rglob("*.py"))
    assert len(messages) > 1
    for message in messages:
        fields = {name: 0 for _, name, _, _ in Formatter().parse(message.value) if name}
        assert message.format(**{name.split("!")[0]: value for name, value in fields.items()}).startswith(
            f"[{message.name}] "
        )
        assert f"{messages.__name__}.{message.name}" in source


def test_errors_can_be_told_apart_and_sent_home() -> None:
    error = MissingPackageError(Errors.R060, what="The page", package="streamlit", extra="serve")
    assert isinstance(error, ValueError) and isinstance(error, ImportError)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is MissingPackageError
    assert (again.code, str(again)) == ("R060", str(error))
    assert str(error).startswith("[R060] The page needs the package streamlit.")


def test_each_code_has_one_class() -> None:
    classes: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for name, code in re.findall(r"(\w+)\(\s*Errors\.(R\d+)", path.read_text("utf8")):
            classes.setdefault(code, set()).add(name)
    assert {code: names for code, names in classes.items() if len(names) > 1} == {}
    assert sorted(classes) == [message.name for message in Errors]


def test_default_config_is_complete() -> None:
    """`nlp.add_pipe("rin_joint")` works, and its config says everything."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    again = spacy.util.load_model_from_config(nlp.config, auto_fill=False)
    assert again.config == nlp.config
    assert nlp.get_pipe_meta("rin_joint").assigns[:3] == ["doc.ents", "doc.spans", "doc._.relations"]
