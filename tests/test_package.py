"""The package as a whole: what it registers, and which module may know which."""

import ast
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import spacy
from spacy import registry

import spacy_rin
from spacy_rin.errors import Errors, Warnings

SOURCE = Path(spacy_rin.__file__).parent
ENTRY_POINTS = [
    entry for group in ("factories", "architectures", "readers", "scorers", "cli")
    for entry in entry_points(group=f"spacy_{group}")
    if entry.value.startswith("spacy_rin")
]  # fmt: skip


@pytest.mark.parametrize("entry", ENTRY_POINTS, ids=lambda entry: entry.name)
def test_entry_point(entry):
    assert callable(entry.load())
    if entry.group != "spacy_cli":
        assert registry.has(entry.group.removeprefix("spacy_"), entry.name)


def test_all_entry_points_are_there():
    assert sorted(entry.name for entry in ENTRY_POINTS) == [
        "rin",
        "rin_joint",
        "spacy_rin.BiLSTMEncoder.v1",
        "spacy_rin.Corpus.v1",
        "spacy_rin.RIN.v1",
        "spacy_rin.RINInt.v1",
        "spacy_rin.WordPosEmbed.v1",
        "spacy_rin.rin_scorer.v1",
    ]


def run(code, *args):
    return subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True).stdout


def test_pipeline_loads_where_the_package_is_never_imported(trained, tmp_path):
    trained.to_disk(tmp_path)
    code = """
import sys, spacy
nlp = spacy.load(sys.argv[1])
for r in nlp("Ada Brook was born in Larne .")._.relations:
    print(r.subject, r.label, r.object)
"""
    assert run(code, str(tmp_path)) == "Ada Brook born_in Larne\n"


def test_imports_are_light():
    assert run("import spacy_rin, sys; print('spacy' in sys.modules, 'torch' in sys.modules)") == "False False\n"
    ours = "print(sorted(name for name in sys.modules if name.startswith('spacy_rin')))"
    loaded = eval(run(f"import sys, spacy.cli, spacy_rin.cli; {ours}"))
    assert [name for name in loaded if not name.startswith("spacy_rin.cli")] == ["spacy_rin"]
    assert "Relation" in run("import spacy_rin; print(spacy_rin.Relation.__doc__, dir(spacy_rin))")
    with pytest.raises(AttributeError):
        _ = spacy_rin.nonsense


def imported(path):
    """Modules that a source file imports, relative ones without their dots."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(f"{'.' * node.level}{node.module or ''}")
    return names


def test_data_flows_one_way():
    imports = {str(path.relative_to(SOURCE)): imported(path) for path in SOURCE.rglob("*.py")}
    for path, names in imports.items():
        roots = {name.split(".")[0] for name in names}
        if path.startswith("networks"):
            assert not roots & {"spacy", "thinc"}, path
            assert all(name.startswith(".") for name in names if name.startswith("."))
            assert not any(name.startswith("..") for name in names), path
        elif path != "architectures.py":
            assert "torch" not in roots, path
        ours = {name.lstrip(".") for name in names if name.startswith(".")}
        assert "architectures" not in ours, path
        # Only what runs pipelines knows the component.
        runs = ("extract.py", "evaluation.py", "export.py", "tuning.py", "cli/tune.py", "page/reader.py", "__init__.py")
        if path not in runs:
            assert "component" not in ours, path


@pytest.mark.parametrize("messages", [Errors, Warnings])
def test_messages_are_coded_and_used(messages):
    codes = [name for name in vars(messages) if not name.startswith("_")]
    source = "".join(path.read_text("utf8") for path in SOURCE.rglob("*.py"))
    assert len(codes) > 1
    for code in codes:
        assert getattr(messages, code).startswith(f"[{code}] ")
        assert f"{messages.__name__}.{code}" in source, code


def test_default_config_is_complete():
    """`nlp.add_pipe("rin_joint")` works, and its config says everything."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    again = spacy.util.load_model_from_config(nlp.config, auto_fill=False)
    assert again.config == nlp.config
    assert nlp.get_pipe_meta("rin_joint").assigns[:3] == ["doc.ents", "doc.spans", "doc._.relations"]
