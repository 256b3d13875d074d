"""Files of annotation tools with relations: doccano, and WebAnno TSV of INCEpTION."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import convert, detect
from spacy_rin.relations import has_relations

from .support import SAMPLES, changed, counts_of, first_task, relations_of, spans_of, triples_of, write_json

WEBANNO = (SAMPLES / "webanno.tsv").read_text(encoding="utf8")


def test_doccano() -> None:
    path = SAMPLES / "doccano.jsonl"
    (holt, rain), report = convert(path)
    assert holt.text == "🌊 Mira Holt runs Tidewerk."
    assert relations_of(holt) == [((1, 3, "PERSON"), "runs", (4, 5, "FIRM"))]
    assert has_relations(rain) and not triples_of(rain)
    assert counts_of(report) == {
        "docs": 2,
        "incomplete_docs": 1,
        "entities": 2,
        "triples": 1,
        "lost_entities": 1,
        "lost_triples": 1,
    }
    assert report.examples == [(path, "1", "entity 'Tide' at 17-21 cuts a token (triples lost with it: 1)")]
    assert report.ignored == {"relations without a type": 1}
    assert relations_of(convert(path, snap=True)[0][0])[1] == ((4, 5, "FIRM"), "has", (4, 5, "PART"))


def test_doccano_ids_can_be_strings(tmp_path: Path) -> None:
    rows = [{"id": name, "label": "X", "start_offset": i, "end_offset": i + 1} for name, i in (("e1", 0), ("e2", 2))]
    record = {"text": "a b", "entities": rows, "relations": [{"from_id": "e2", "to_id": "e1", "type": "r"}]}
    (doc,), _ = convert(write_json(tmp_path / "a.jsonl", record))
    assert triples_of(doc) == [("b", "r", "a")]


@pytest.mark.parametrize(
    "path,to,reason",
    [
        (("entities", 0, "end_offset"), 28, "2-28 is empty or out of the range 0-26"),
        (("entities", 0, "start_offset"), "2", "'2' in 'entities' must be a whole number"),
        (("entities", 0, "label"), None, "'label' is missing"),
        (("entities", 0, "id"), 20, "there are two entities with the id 20"),
        (("entities", 0, "id"), [1], r"'id' must be a number or a string, not \[1\]"),
        (("relations", 0, "to_id"), 99, "a relation from 21 to 99 points to an entity that does not exist"),
        (("relations", 0, "type"), 1, "'type' of a relation must be a string, not 1"),
        (("relations",), None, "'relations' is missing"),
    ],
)
def test_malformed_doccano(tmp_path: Path, path: Any, to: Any, reason: str) -> None:
    good = first_task("doccano.jsonl")
    file = write_json(tmp_path / "a.jsonl", good, changed(good, *path, to=to))
    with pytest.raises(ValueError, match=rf"^\[R030\] \S+a\.jsonl:2: .*{reason}"):
        convert(file, "doccano", lang="xx")


def test_webanno_tsv() -> None:
    path = SAMPLES / "webanno.tsv"
    (doc,), report = convert(path)
    assert doc.text == "🌊 Mira Holt runs Tidewerk .\nShe lives in\nOban [Bay]."
    assert [token.text for token in doc] == [
        "🌊", "Mira", "Holt", "runs", "Tidewerk", ".", "\n", "She", "lives", "in", "\n", "Oban", "[", "Bay", "]", ".",
    ]  # fmt: skip
    holt, runs, firm, seat, oban = (
        (1, 3, "PERSON"), (3, 4, "Event"), (4, 5, "FIRM"), (4, 5, "ENTITY"), (11, 12, "TOWN"),
    )  # fmt: skip
    assert spans_of(doc) == [holt, runs, firm, seat, oban]
    # Two relations of one pair of stacked spans; the end of the third one is chosen by its number.
    assert relations_of(doc) == [(holt, "runs", firm), (holt, "*owns*", firm), (seat, "in", oban)]
    assert counts_of(report) == {
        "docs": 1, "incomplete_docs": 1, "entities": 5, "triples": 3, "lost_entities": 1, "overlapping_entities": 1
    }  # fmt: skip
    assert report.examples == [(path, "26", "entity 'Ba' at 47-49 cuts a token (triples lost with it: 0)")]
    assert report.ignored == {
        "annotation of the layer POS": 2,
        "annotation of the layer Coref": 2,
        "slots of the layer Event": 1,
        "relations without a label": 1,
        "empty spans": 1,
        "relations of empty spans": 1,
    }


def webanno(path: Path, head: list[str], *rows: str, text: str = "Ada met Bo.") -> Path:
    """Write a file of one sentence, whose columns are given with blanks."""
    body = ["\t".join([*row.split(" "), ""]) for row in rows]
    path.write_text("\n".join(["#FORMAT=WebAnno TSV 3.2", *head, "", "", f"#Text={text}", *body, ""]), encoding="utf8")
    return path


@pytest.mark.parametrize(
    "head,cells,expected",
    [
        # The label is the feature "value", else "label", else the first one, else the name of the layer.
        (["c.Span|label|value"], ["A B", "C D"], ["B", "D"]),
        (["c.Span|kind|label"], ["A B", "C D"], ["B", "D"]),
        (["c.Span|kind|note"], ["A B", "* D"], ["A", "ENTITY"]),
        (["c.Person|"], ["*", "*"], ["Person", "Person"]),
        (["c.Span|ROLE_c.Span:who_c.Link|c.Target|kind"], ["who 1-3 A", "_ _ _"], ["A"]),
        # Layers of the language are not entities, but names are.
        (["de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value"], ["* PER", "* PER"], ["PER"] * 2),
        (["de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Lemma|value"], ["ada", "bo"], []),
        # Special characters
        (["c.Span|value"], [r"a\|b", r"a\[1\]"], ["a|b", "a[1]"]),
        (["c.Span|value"], [r"\_\*\->", r"\\\t\n"], ["_*->", "\\\t\n"]),
    ],
)
def test_webanno_types(tmp_path: Path, head: list[str], cells: list[str], expected: list[str]) -> None:
    columns = " ".join("_" for _ in cells[0].split(" "))
    rows = [f"1-1 0-3 Ada {cells[0]}", f"1-2 4-7 met {columns}", f"1-3 8-10 Bo {cells[1]}", f"1-4 10-11 . {columns}"]
    (doc,), _ = convert(webanno(tmp_path / "a.tsv", [f"#T_SP={layer}" for layer in head], *rows), lang="xx")
    assert [span.label_ for span in doc.spans["rin"]] == expected


TOKEN = "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Token"


@pytest.mark.parametrize(
    "layer,cells",
    [
        ("c.knows|BT_c.Person", "1-1"),  # a layer without features has no column for them
        ("c.Rel|value|BT_c.Person", "knows 1-1"),
        ("c.Rel|source|value|BT_c.Person", "* knows 1-1[0_0]"),
        ("c.Rel|value|BT_uima.tcas.Annotation", "knows 1-1"),
        (f"c.Rel|value|BT_{TOKEN}", "knows 1-1"),
    ],
)
def test_webanno_relations(tmp_path: Path, layer: str, cells: str) -> None:
    none = " ".join("_" for _ in cells.split(" "))
    rows = [f"1-1 0-3 Ada * {none}", f"1-2 4-7 met _ {none}", f"1-3 8-10 Bo * {cells}", f"1-4 10-11 . _ {none}"]
    (doc,), report = convert(webanno(tmp_path / "a.tsv", ["#T_SP=c.Person|", f"#T_RL={layer}"], *rows), lang="xx")
    assert triples_of(doc) == [("Ada", "knows", "Bo")] and not report.ignored
    kind = "ENTITY" if TOKEN in layer else "Person"  # tokens have no type
    assert {kind} == {end[2] for s, _, o in relations_of(doc) for end in (s, o)}


def test_webanno_dependencies_are_not_relations(tmp_path: Path) -> None:
    api = "de.tudarmstadt.ukp.dkpro.core.api"
    head = [f"#T_SP={api}.lexmorph.type.pos.POS|PosValue", f"#T_RL={api}.syntax.type.dependency.Dependency|T|BT_POS"]
    path = webanno(tmp_path / "a.tsv", head, "1-1 0-3 Ada NNP nsubj 1-2", "1-2 4-7 met VBD root 1-2", text="Ada met")
    (doc,), report = convert(path)
    assert not triples_of(doc) and not spans_of(doc)
    assert report.ignored == {"annotation of the layer POS": 2, "annotation of the layer Dependency": 2}


def test_webanno_folder(tmp_path: Path) -> None:
    """An export of a project has a folder for each document."""
    (tmp_path / "b.txt").mkdir()
    (tmp_path / "a.txt").mkdir()
    shutil.copy(SAMPLES / "webanno.tsv", tmp_path / "b.txt" / "user.tsv")
    webanno(tmp_path / "a.txt" / "user.tsv", ["#T_SP=c.Person|"], "1-1 0-3 Ada *", text="Ada")
    (tmp_path / "a.txt" / "empty.tsv").write_text("#FORMAT=WebAnno TSV 3.3\n\n\n")
    (tmp_path / "a.txt" / ".hidden.tsv").write_text("no TSV")
    shutil.copy(tmp_path / "a.txt" / "user.tsv", tmp_path / "a.txt" / "INITIAL_CAS.tsv")
    docs, report = convert(tmp_path)
    assert report.ignored["texts as they were before annotation"] == 1
    assert len(convert(tmp_path / "a.txt" / "INITIAL_CAS.tsv")[0]) == 1  # unless it is named
    assert report.format == "webanno_tsv" and [doc.text.split()[0] for doc in docs] == ["Ada", "🌊"]
    assert report.ignored["empty texts"] == 1
    (tmp_path / "c.tsv").write_text("a\tb")
    assert detect(tmp_path) == "webanno_tsv"
    with pytest.raises(ValueError, match=r"^\[R030\] \S+c\.tsv:1: a file of WebAnno TSV 3 starts with #FORMAT"):
        convert(tmp_path)


def test_webanno_folders_of_documents_that_were_tables(tmp_path: Path) -> None:
    """INCEpTION makes a folder of each document, called after it; notebooks and git keep copies in hidden ones."""
    for folder in ("annotation/a.tsv", "annotation/.ipynb_checkpoints", ".git/a.tsv"):
        (tmp_path / folder).mkdir(parents=True)
        webanno(tmp_path / folder / "user.tsv", ["#T_SP=c.Person|"], "1-1 0-3 Ada *", text="Ada")
    docs, report = convert(tmp_path)
    assert report.format == "webanno_tsv" and [doc.text.strip() for doc in docs] == ["Ada"]
    shutil.rmtree(tmp_path / "annotation" / "a.tsv")
    with pytest.raises(ValueError, match=r"^\[R041\]"):
        detect(tmp_path)


def test_webanno_sentences_and_line_ends(tmp_path: Path) -> None:
    """Sentences may follow each other directly; line ends of Windows are none of the text."""
    lines = [
        "#FORMAT=WebAnno TSV 3.3", "#T_SP=c.Span|", "", "", "#Text=Hi.", "1-1\t5-7\tHi\t*", "1-2\t7-8\t.\t_", "",
        "#Text=Bye", "2-1\t8-11\tBye\t*[1]", "", "#Text=now", "3-1\t14-17\tnow\t*[1]",
    ]  # fmt: skip
    (tmp_path / "a.tsv").write_bytes("\r\n".join(lines).encode())
    (doc,), _ = convert(tmp_path / "a.tsv")
    assert doc.text == "Hi.Bye\nnow"
    assert [(span.text, span.label_) for span in doc.spans["rin"]] == [("Hi", "Span"), ("Bye\nnow", "Span")]


def test_webanno_blanks_before_the_first_token(tmp_path: Path) -> None:
    """Offsets count from the start of the text, and blank lines need not be empty."""
    lines = [
        "#FORMAT=WebAnno TSV 3.3",
        "#T_SP=c.Span|",
        " ",
        "#Text= \u00a0Hi",
        "1-1\t2-4\tHi\t*",
        "#Text= Bye",
        "2-1\t6-9\tBye\t*",
    ]
    (tmp_path / "a.tsv").write_text("\n".join(lines), encoding="utf8")
    (doc,), _ = convert(tmp_path / "a.tsv")
    assert doc.text == " \u00a0Hi\n Bye" and [span.text for span in doc.spans["rin"]] == ["Hi", "Bye"]


@pytest.mark.parametrize(
    "old,new,line,reason",
    [
        ("3-7\tMira", "3-8\tMira", 11, "the text has 'Mira ' at 3-8, not 'Mira'"),
        ("3-7\tMira", "3-99\tMira", 11, "3-99 is not in the text of the sentence"),
        ("3-7\tMira", "x-7\tMira", 11, "this is not the line of a token"),
        ("1-2\t3-7", "1.2\t3-7", 11, "this is not the line of a token: '1.2 3-7"),
        ("1-2\t3-7", "1-1\t3-7", 11, "there are two lines 1-1"),
        ("VBZ\t*\t_\t_\twho", "VBZ", 13, "the columns of the layer webanno.custom.Coref are missing"),
        ("1-2[1_2]|1-2[1_2]", "1-2[1_2]", 14, "1 relations of the layer webanno.custom.Relation have 2 labels"),
        ("1-2[1_2]|", "here|", 14, "'here' is not where a relation starts"),
        ("1-2[1_2]|", "9-9[1_2]|", 14, "a relation starts at 9-9, which does not exist"),
        ("1-2[1_2]|", "1-2[7_2]|", 14, "points to a span at 1-2, but 0 spans fit"),
        ("1-2[1_2]|", "1-2|", 14, "points to a span at 1-5, but 2 spans fit"),
        ("FIRM[2]|*[3]", "FIRM|*", 14, "several spans of the layer webanno.custom.Entity have no number"),
        ("#T_CH=", "#T_XX=", 5, "this is not the head of a layer"),
        ("#Text=🌊 Mira Holt runs Tidewerk .\n", "", 9, "there is no line #Text= before the first token"),
        ("3-7\tMira", "0-2\t🌊", 11, "token 1-2 is empty or out of order"),
    ],
)
def test_malformed_webanno(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    assert old in WEBANNO
    (tmp_path / "a.tsv").write_text(WEBANNO.replace(old, new, 1), encoding="utf8")
    with pytest.raises(ValueError) as caught:
        convert(tmp_path / "a.tsv", lang="xx")
    assert f"[R030] {tmp_path / 'a.tsv'}:{line}: " in str(caught.value) and reason in str(caught.value)
