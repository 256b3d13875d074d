import json
import subprocess
import sys
from importlib import metadata

import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from typer.testing import CliRunner

import spacy_rin.cli
from spacy_rin.convert import CONVERTERS
from spacy_rin.relations import get_relations

RECORD = {"text": "Kim lives in new Oslo", "triples": [["Kim", "home", "new Oslo"], ["Kim", "home", "Rome"]]}


def run(*args):
    # Wide enough for the help texts to stay on one line.
    return CliRunner().invoke(app, ["rin", *map(str, args)], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"})


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "in.json"
    path.write_text(json.dumps([RECORD]))
    return path


def read(path):
    (doc,) = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    return [(r.subject.text, r.subject.label_, r.label, r.object.text) for r in get_relations(doc)]


def installed():
    try:
        return metadata.distribution("spacy-rin")
    except metadata.PackageNotFoundError:
        return None


def test_convert(tmp_path, source):
    result = run("convert", source, tmp_path / "out.spacy", "--format", "casrel")
    assert result.exit_code == 0, result.output
    assert read(tmp_path / "out.spacy") == [("Kim", "ENTITY", "home", "new Oslo")]
    rows = {tuple(line.rsplit(maxsplit=1)) for line in result.output.splitlines() if line.strip()}
    assert {("texts", "1"), ("entities", "2"), ("triples", "1")} <= {(name.strip(), n) for name, n in rows}
    assert f"{source}:1 (record 1): entity 'Rome' is not in the text (triples lost with it: 1)" in result.output
    assert f"Wrote {tmp_path / 'out.spacy'}" in " ".join(result.output.split())


def test_convert_options(tmp_path, source):
    out = tmp_path / "out.spacy"
    result = run("convert", source, out, "--format", "casrel", "--lang", "de", "--entity-label", "THING", "--last-word")
    assert result.exit_code == 0, result.output
    assert read(out) == [("Kim", "THING", "home", "Oslo")]


@pytest.mark.parametrize(
    "content,args,code",
    [
        ("{", ["--format", "casrel"], "R030"),
        ("", ["--format", "casrel"], "R032"),
        (None, ["--format", "casrel"], "R033"),
        ("{}", ["--format", "conll"], "R031"),
        ("{}", ["--format", "casrel", "--lang", "nowhere"], "R010"),
    ],
)
def test_coded_errors_are_messages(tmp_path, source, content, args, code):
    if content is None:
        source.unlink()
    else:
        source.write_text(content)
    result = run("convert", source, tmp_path / "out.spacy", *args)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output and len(result.output.strip().splitlines()) <= 3
    assert not (tmp_path / "out.spacy").exists()


def test_input_is_not_overwritten(tmp_path, source):
    before = source.read_bytes()
    result = run("convert", source, tmp_path / "." / "in.json", "--format", "casrel")
    assert result.exit_code == 1 and "[R034]" in result.output
    assert source.read_bytes() == before


def test_bugs_keep_their_traceback(tmp_path, source, monkeypatch):
    def broken(path, nlp):
        raise ValueError("a bug")

    monkeypatch.setitem(CONVERTERS, "casrel", broken)
    result = run("convert", source, tmp_path / "out.spacy", "--format", "casrel")
    assert isinstance(result.exception, ValueError) and "a bug" in str(result.exception)


def test_help():
    result = run("--help")
    assert result.exit_code == 0 and "convert" in result.output
    result = run("convert", "--help")
    assert result.exit_code == 0 and "Example: spacy rin convert" in result.output
    for word in (*CONVERTERS, "--format", "--lang", "--entity-label", "--last-word"):
        assert word in result.output


def test_imports_are_lazy():
    code = "import sys, spacy_rin.cli; sys.exit('spacy_rin.convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert spacy_rin.cli.rin_cli.info.name == "rin"


@pytest.mark.skipif(installed() is None, reason="spacy-rin is not installed, so it has no entry points")
def test_spacy_finds_the_commands():
    result = subprocess.run(
        [sys.executable, "-m", "spacy", "rin", "convert", "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0 and "--entity-label" in result.stdout
