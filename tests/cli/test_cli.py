import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import DocBin

import spacy_rin.cli
from spacy_rin.cli.extract import _split
from spacy_rin.convert import CONVERTERS, convert
from spacy_rin.relations import get_relations

from ..support import make_examples, run

RECORD = {"text": "Kim lives in new Oslo", "triples": [["Kim", "home", "new Oslo"], ["Kim", "home", "Rome"]]}


@pytest.fixture
def source(tmp_path: Path) -> Any:
    path = tmp_path / "in.json"
    path.write_text(json.dumps([RECORD]))
    return path


def read(path: Path) -> Any:
    (doc,) = DocBin().from_disk(path).get_docs(spacy.blank("en").vocab)
    return [(r.subject.text, r.subject.label_, r.label, r.object.text) for r in get_relations(doc)]


def installed() -> Any:
    try:
        return metadata.distribution("spacy-rin")
    except metadata.PackageNotFoundError:
        return None


def test_convert(tmp_path: Path, source: Any) -> None:
    result = run("convert", source, tmp_path / "out.spacy", "--format", "casrel")
    assert result.exit_code == 0, result.output
    assert read(tmp_path / "out.spacy") == [("Kim", "ENTITY", "home", "new Oslo")]
    rows = {tuple(line.rsplit(maxsplit=1)) for line in result.output.splitlines() if len(line.split()) > 1}
    assert {("texts", "1"), ("entities", "2"), ("triples", "1")} <= {(name.strip(), n) for name, n in rows}
    assert f"{source}:1 (record 1): entity 'Rome' is not in the text (triples lost with it: 1)" in result.output
    assert f"Wrote {tmp_path / 'out.spacy'}" in " ".join(result.output.split())


def test_convert_options(tmp_path: Path, source: Any) -> None:
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
        ("{}", ["--format", "casrel", "--lang", "nowhere"], "R037"),
    ],
)
def test_coded_errors_are_messages(tmp_path: Path, source: Any, content: str | None, args: Any, code: str) -> None:
    if content is None:
        source.unlink()
    else:
        source.write_text(content)
    result = run("convert", source, tmp_path / "out.spacy", *args)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert f"[{code}]" in result.output
    assert "Traceback" not in result.output
    # One message, however many lines the length of the path makes of it.
    assert result.output.count("[R") == 1 and "\n\n" not in result.output.strip()
    assert not (tmp_path / "out.spacy").exists()


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("convert", "in.json", "out.spacy", "--seed", "0"), "--seed can't be used without --split."),
        (("evaluate", "none", "in.spacy", "--theme", "dark"), "--theme can't be used without --html."),
        (
            ("export", "in.spacy", "out.jsonl", "-f", "jsonl", "--gpu-id", "0"),
            "--gpu-id can't be used without --model.",
        ),
        (("export", "in.spacy", "o", "-f", "jsonl", "-m", "none", "-a", "x"), "--attr can't be used with --model."),
        (("extract", "none", "in.txt", "--text-key", "text"), "--text-key can't be used for texts"),
        (("extract", "none", "-", "out.csv", "--id-key", "id"), "--id-key can't be used for texts"),
        (("extract", "none", "in.json", "out.csv", "-i", "text", "--id-key", "id"), "--id-key can't be used for texts"),
        (("extract", "none", ".", "--text-key", "a", "--id-key", "b"), "--text-key, --id-key can't be used for texts"),
        (("extract", "none", "only", "out", "-e", "processes", "--id-key", "b"), "--id-key can't be used for texts"),
        (("suggest", "none", "in.txt", "out", "-f", "brat", "--text-key", "b"), "--text-key can't be used for texts"),
    ],
)
def test_options_without_effect_are_refused(
    tmp_path: Path, source: Any, args: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "a.txt").write_text("Ada")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    result = run(*args)
    assert result.exit_code == 1 and "[R083]" in result.output, result.output
    assert reason in " ".join(result.output.split()) and sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("engine", [(), ("--engine", "processes")])
def test_keys_of_tables_are_used(tmp_path: Path, model: Path, engine: Any) -> None:
    if engine:
        pytest.importorskip("pyarrow")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "a.jsonl"
    path.write_text(json.dumps({"body": "Ada Brook was born in Larne .", "key": "one"}))
    output = [tmp_path / "out"] if engine else [tmp_path / "out.csv"]
    result = run("extract", model, tmp_path / "in" if engine else path, *output, "--text-key", "body", *engine)
    assert result.exit_code == 0 and ["triples", "1"] in map(str.split, result.output.splitlines()), result.output


def test_convert_to_another_attribute(tmp_path: Path, source: Any) -> None:
    assert run("convert", source, tmp_path / "out.spacy", "--format", "casrel", "--attr", "facts").exit_code == 0
    (doc,) = DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("en").vocab)
    assert [r.label for r in get_relations(doc, "facts")] == ["home"]
    assert get_relations(doc) == []
    doc.remove_extension("facts")


def test_input_is_not_overwritten(tmp_path: Path, source: Any) -> None:
    before = source.read_bytes()
    result = run("convert", source, tmp_path / "." / "in.json", "--format", "casrel")
    assert result.exit_code == 1 and "[R034]" in result.output
    assert source.read_bytes() == before


REFUSED_OUTPUTS = [
    "evaluate none dev.spacy -o dev.spacy",
    "evaluate none dev.spacy -H link.spacy",
    "evaluate none dev.spacy --train c -o c/train.spacy",
    "evaluate none dev.spacy -o new -H ./new",
    "init dev.spacy dev.spacy",
    "init c config.cfg --dev config.cfg",
    "init c c/train.spacy",
    "export c c/train.spacy -f jsonl",
    "convert c/train.spacy c --split 0.8,0.1,0.1 --format rel_component",
    "convert c c/train.spacy",
    "convert brat brat/a.txt",
    "convert c/train.spacy /",
    "convert brat/a.ann brat/a.txt",
    "extract none texts texts/a.txt -f csv",
    "extract none g.neo4j/nodes.csv g.neo4j",
    "extract none g.neo4j/nodes.csv g.neo4j/x -f neo4j",
    "extract none a.csv.errors.jsonl a.csv",
    "extract none manifest.json . -e processes",
    "suggest none texts texts/a.txt -f prodigy",
    "suggest none texts/a.txt c/train.spacy -f prodigy --train c",
    "facts g.neo4j/nodes.csv g.neo4j/nodes.csv",
    "facts *.csv a.csv",
    "tune none dev.spacy -o dev.spacy",
]


@pytest.mark.parametrize("command", REFUSED_OUTPUTS)
def test_no_output_replaces_an_input(tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes first: there is no such pipeline, and nothing in the files can be read."""
    monkeypatch.chdir(tmp_path)
    names = ["dev.spacy", "c/train.spacy", "brat/a.txt", "brat/a.ann", "texts/a.txt", "g.neo4j/nodes.csv", "config.cfg"]
    for name in (*names, "a.csv", "b.csv", "a.csv.errors.jsonl", "manifest.json"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(name)
    Path("g.neo4j/x").mkdir()
    Path("g.neo4j/x/nodes.csv").symlink_to(tmp_path / "g.neo4j" / "nodes.csv")
    Path("link.spacy").symlink_to("dev.spacy")
    before = {path: path.is_file() and path.read_text() for path in sorted(tmp_path.rglob("*"))}
    result = run(*command.split())
    assert result.exit_code == 1 and "[R034]" in result.output, result.output
    assert {path: path.is_file() and path.read_text() for path in sorted(tmp_path.rglob("*"))} == before


def test_files_in_a_folder_of_inputs_can_be_replaced(tmp_path: Path, model: Path, trained: Language) -> None:
    """As long as they are none of the inputs."""
    (tmp_path / "brat").mkdir()
    (tmp_path / "brat" / "a.txt").write_text("Ada left Rome.")
    (tmp_path / "brat" / "a.ann").write_text("T1\tPERSON 0 3\tAda\nT2\tCITY 9 13\tRome\nR1\tleft Arg1:T1 Arg2:T2\n")
    write_gold(trained, tmp_path / "brat" / "dev.spacy")
    for command in (
        ("convert", tmp_path / "brat", tmp_path / "brat" / "train.spacy"),
        ("extract", model, tmp_path / "brat", tmp_path / "brat" / "out.csv"),
        ("evaluate", model, tmp_path / "brat" / "dev.spacy", "-o", tmp_path / "brat" / "scores.json"),
    ):
        for _ in range(2):
            result = run(*command)
            assert result.exit_code == 0, result.output


def test_bugs_keep_their_traceback(tmp_path: Path, source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise ValueError("a bug")

    monkeypatch.setitem(CONVERTERS, "casrel", broken)
    result = run("convert", source, tmp_path / "out.spacy", "--format", "casrel")
    assert isinstance(result.exception, ValueError) and "a bug" in str(result.exception)


def write_gold(nlp: Language, path: Path, relations: Any = True) -> None:
    docs = [eg.reference for eg in make_examples(nlp.vocab)]
    DocBin(docs=docs, store_user_data=relations).to_disk(path)


def test_evaluate(trained: Language, model: Path, tmp_path: Path) -> None:
    write_gold(trained, tmp_path / "gold.spacy")
    result = run("evaluate", model, tmp_path / "gold.spacy", "--output", tmp_path / "new" / "metrics.json")
    assert result.exit_code == 0, result.output
    for row in ("relations, exact", "relations, partial", "entities", "born_in", "founded", "leads"):
        assert re.search(rf"^{row} +100.0 +100.0 +100.0( +[23])?$", result.output, re.MULTILINE)
    assert json.loads((tmp_path / "new" / "metrics.json").read_text())["rel_exact_per_type"]["leads"]["f"] == 1.0
    # A folder of files, as in a config
    assert run("evaluate", model, tmp_path).exit_code == 0


def test_evaluate_refuses_what_it_cannot_score(trained: Language, model: Path, tmp_path: Path) -> None:
    write_gold(trained, tmp_path / "gold.spacy", relations=False)
    for path, code in [(tmp_path / "gold.spacy", "R036"), (tmp_path / "none.spacy", "R033")]:
        result = run("evaluate", model, path)
        assert result.exit_code == 1
        assert code in result.output


def test_extract(model: Path, tmp_path: Path) -> None:
    texts = ["Ada Brook was born in Larne .", "Tom Hale founded and leads\u2028Orbix .", "", "It rained all day ."]
    (tmp_path / "texts.txt").write_bytes(b"\xef\xbb\xbf" + "\n".join(texts).encode())
    shown = run("extract", model, tmp_path / "texts.txt")
    assert shown.exit_code == 0, shown.output
    assert "(Ada Brook, born_in, Larne)" in shown.output
    out = tmp_path / "new" / "triples.jsonl"
    assert run("extract", model, tmp_path / "texts.txt", out).exit_code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["text"] for row in rows] == [text for text in texts if text]
    assert rows[0]["entities"] == [[0, 9, "PERSON"], [22, 27, "PLACE"]]
    assert rows[0]["relations"] == [[0, "born_in", 1]]
    assert 0.5 <= rows[0]["scores"][0] <= 1.0
    assert rows[2]["relations"] == rows[2]["entities"] == []
    # What was extracted can be corrected and learned from.
    docs, report = convert(out, "jsonl")
    assert report.triples == sum(len(row["relations"]) for row in rows)
    assert [[r.label for r in doc._.relations] for doc in docs] == [[r[1] for r in row["relations"]] for row in rows]
    assert [path.name for path in out.parent.iterdir()] == ["triples.jsonl"]


def test_extract_refuses(model: Path, tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    (tmp_path / "good.txt").write_text("Ada")
    for args, code in [
        ((model, tmp_path / "none.txt"), "R033"),
        ((model, tmp_path / "good.txt", tmp_path / "good.txt"), "R034"),
        ((tmp_path / "blank", tmp_path / "good.txt"), "R018"),
        ((tmp_path / "none", tmp_path / "good.txt"), "R015"),
    ]:
        result = run("extract", *args)
        assert result.exit_code == 1, result.output
        assert code in result.output
    assert (tmp_path / "good.txt").read_text() == "Ada"


def test_help() -> None:
    result = run("--help")
    assert result.exit_code == 0 and "convert" in result.output
    result = run("convert", "--help")
    assert result.exit_code == 0 and "Example: spacy rin convert" in result.output
    for word in (*CONVERTERS, "--format", "--lang", "--entity-label", "--last-word"):
        assert word in result.output


def test_imports_are_lazy() -> None:
    code = "import sys, spacy_rin.cli; sys.exit('spacy_rin.convert' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert spacy_rin.cli.rin_cli.info.name == "rin"


@pytest.mark.skipif(installed() is None, reason="spacy-rin is not installed, so it has no entry points")
def test_spacy_finds_the_commands() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "spacy", "rin", "convert", "--help"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0 and "--entity-label" in result.stdout


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("born_in,founded", ["born_in", "founded"]),
        (" born_in , founded ", ["born_in", "founded"]),
        ('"lives, works in",born_in', ["lives, works in", "born_in"]),
        ('born_in, " with blanks "', ["born_in", " with blanks "]),
        ('"says ""yes""",says "no"', ['says "yes"', 'says "no"']),
        ('"a" and "b",c', ['"a" and "b"', "c"]),
        ("", [""]),  # which is no relation, so it is refused
        (",", [","]),
    ],
)
def test_relations_of_any_names(given: str, names: list[str]) -> None:
    assert _split(given) == names
