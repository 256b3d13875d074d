"""Texts read from every kind of input, with what can't be read among them."""

import codecs
import csv
import gzip
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from spacy_rin.convert import convert
from spacy_rin.errors import FileError
from spacy_rin.extract.documents import INPUT_FORMATS, Document, count_documents, input_format, read_documents
from spacy_rin.extract.shards import cut

HOSTILE = ['quoted "so", and\nbroken', "=1+1", "עברית 😀\u2028next", "tab\tand \\ backslash"]


def read(*args: Any, **kwargs: Any) -> Any:
    return list(read_documents(*args, **kwargs))


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "texts.log"  # any suffix
    path.write_bytes(b"\xef\xbb\xbfone\r\n\n \t\nt\xc3\xbc\xe2\x80\xa8two\nbad \xff\nlast")
    documents = read(path)
    assert [(d.id, d.text) for d in documents] == [(1, "one"), (4, "tü\u2028two"), (5, ""), (6, "last")]
    assert [d.error for d in documents] == ["", "", "the text is not UTF-8", ""]


def test_jsonl(tmp_path: Path) -> None:
    lines = [
        *(json.dumps({"text": text, "id": f"no {i}"}) for i, text in enumerate(HOSTILE)),
        "",
        json.dumps({"text": "x", "id": 7, "meta": {"by": ["me"]}}),
        *('{"text": "x"', '["x"]', '{"text": NaN}', "{}", '{"text": 3}', '{"text": " "}', '{"text": "\\ud800"}'),
        '{"text": "x", "id": [1]}',
        '{"text": "x", "id": ""}',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    documents = read(tmp_path / "in.jsonl")
    assert documents[:5] == [
        *(Document(f"no {i}", text) for i, text in enumerate(HOSTILE)),
        Document(7, "x", documents[4].meta),
    ]
    assert documents[4].meta == {"by": ["me"]}
    assert [d.id for d in documents[5:]] == list(range(7, 16))
    for document, reason in zip(
        documents[5:],
        ("invalid JSON", "an object was", "NaN", "no 'text'", "must be a string", "empty", "UTF-8", "the id must"),
    ):
        assert reason in document.error and not document.text
    assert documents[-1] == Document(15, "x")


def test_keys(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps({"body": "x", "name": "a", "text": "no", "id": "no"}))
    (tmp_path / "in.csv").write_text("id,name,text,body\nno,a,no,x\n")
    for name in ("in.jsonl", "in.csv"):
        assert read(tmp_path / name, text_key="body", id_key="name") == [Document("a", "x")]


@pytest.mark.parametrize("suffix,delimiter", [("csv", ","), ("tsv", "\t")])
def test_csv(tmp_path: Path, suffix: str, delimiter: str) -> None:
    path = tmp_path / f"in.{suffix}"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        table = csv.writer(file, delimiter=delimiter)
        table.writerows([("id", "text"), *enumerate(HOSTILE, 10), ("", "x" * 200_000), ("short",), ("", " ")])
    with path.open("ab") as file:
        file.write(f"a{delimiter}bad \xe9\n".encode("latin-1"))
    documents = read(path)
    assert [(d.id, d.text) for d in documents[:4]] == [(str(i), text) for i, text in enumerate(HOSTILE, 10)]
    assert (documents[4].id, len(documents[4].text)) == (5, 200_000)
    assert [(d.id, d.error) for d in documents[5:]] == [
        ("short", "there is no 'text'"),
        (7, "the text is empty"),
        ("a", "the text is not UTF-8"),
    ]


def test_csv_goes_on_after_a_row_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacy_rin.extract.parsing.MAX_FIELD", 50)
    (tmp_path / "in.csv").write_text(f"text\none\n{'x' * 51}\nthree\n")
    limit = csv.field_size_limit()
    try:
        assert [d.text for d in read(tmp_path / "in.csv")] == ["one", "", "three"]
    finally:
        csv.field_size_limit(limit)


def test_parquet(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"id": [3, None, 5, 6, 7, 8], "text": [*HOSTILE, None, ""], "other": [1] * 6})
    parquet.write_table(table, tmp_path / "in.parquet")
    documents = read(tmp_path / "in.parquet")
    assert documents[:4] == [Document(i, text) for i, text in zip((3, 2, 5, 6), HOSTILE)]
    assert [(d.id, d.error) for d in documents[4:]] == [(7, "there is no 'text'"), (8, "the text is empty")]
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(ValueError, match="R034"):
        read(tmp_path / "bad.parquet")
    with pytest.raises(ValueError, match="R034"):
        read("-", "parquet")


def test_whole_numbers_that_became_floats(tmp_path: Path) -> None:
    """As pandas makes of a column of ids if one is missing."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    ids = [7.0, None, float("nan"), -1.0, 0.5, 2.0**53, float("inf")]
    parquet.write_table(pyarrow.table({"id": ids, "text": ["x"] * len(ids)}), tmp_path / "in.parquet")
    documents = read(tmp_path / "in.parquet")
    # Of two large whole numbers, both may have become the same float.
    assert [(type(d.id), d.id) for d in documents] == [(int, i) for i in (7, 2, 3, -1, 5, 6, 7)]
    assert [bool(d.error) for d in documents] == [False, False, False, False, True, True, True]
    (tmp_path / "in.jsonl").write_text('{"id": 7.0, "text": "x"}')
    assert read(tmp_path / "in.jsonl") == [Document(7, "x")]


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "b" / "a").mkdir(parents=True)
    (tmp_path / "b.txt").write_text("one\ntwo\n")
    (tmp_path / "b" / "a" / "x.txt").write_bytes("\ufeffü".encode())
    (tmp_path / "b" / "c.txt").write_bytes(b"\xff")
    (tmp_path / "b" / "notes.md").write_text("no")
    (tmp_path / "A.TXT").write_text("old")
    for name in (".ipynb_checkpoints/b.txt", "b/.git/b.txt", "b/._c.txt", "b/d.txt/.x.txt"):  # hidden, or a folder
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("no")
    for name in "gkadmc":
        (tmp_path / "c" / name).mkdir(parents=True)
        (tmp_path / "c" / name / "x.txt").write_text(name)
    assert read(tmp_path) == [
        Document("A.TXT", "old"),
        Document("b.txt", "one\ntwo\n"),
        Document("b/c.txt", "", error="the text is not UTF-8"),
        Document("b/a/x.txt", "ü"),
        *(Document(f"c/{name}/x.txt", name) for name in "acdgkm"),
    ]


@pytest.mark.parametrize("name,content", [("in.txt", "a\n\n \nb"), ("in.jsonl", '{"text": "a"}\n\nno\n')])
def test_count(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert count_documents(tmp_path / name) == len(read(tmp_path / name)) == 2
    assert count_documents("-", "text") is count_documents(tmp_path) is None
    os.mkfifo(tmp_path / "pipe.txt")  # counting would use it up
    assert count_documents(tmp_path / "pipe.txt") is None


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for format, content in [("text", b"x\ny"), ("jsonl", b'{"text": "x"}\n{"text": "y"}'), ("csv", b"text\nx\ny\n")]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert [(d.id, d.text) for d in read("-", format)] == [(1, "x"), (2, "y")]


@pytest.mark.parametrize("name", ["in.txt", "in.jsonl", "in.csv", "in.tsv", "-"])
@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_utf_16_is_refused(tmp_path: Path, name: str, mark: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines but the first would be texts, of other characters."""
    encoding = "utf-16-le" if mark == codecs.BOM_UTF16_LE else "utf-16-be"
    content = mark + "text\nAda left.\nTom left.\n".encode(encoding)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"R034.*UTF-16\. Save it as UTF-8"):
        read(name if name == "-" else tmp_path / name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_bytes(content)
    (document,) = read(tmp_path / "folder")
    assert not document.text and document.error == "the text is not UTF-8"


@pytest.mark.parametrize("name", ["in.txt", "in.jsonl", "in.csv", "-"])
@pytest.mark.parametrize("content", [gzip.compress(b"text\nAda left.\n", mtime=0), b"PK\x03\x04\x14\x00\n"])
def test_compressed_files_are_refused(
    tmp_path: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"R034.*is compressed"):
        read(name if name == "-" else path)
    with pytest.raises(FileError, match=r"R034.*is compressed"):
        convert(path)


def test_input_is_a_stream(tmp_path: Path) -> None:
    """Documents come before the rest of the file is read, or could be."""

    class Endless(io.RawIOBase):
        def readable(self) -> Any:
            return True

        def readinto(self, buffer: Any) -> Any:
            buffer[:] = (b"x\n" * len(buffer))[: len(buffer)]
            return len(buffer)

    class Stdin:
        buffer = io.BufferedReader(Endless())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", Stdin)
        documents = read_documents("-")
        assert [next(documents).id for _ in range(100_000)][-1] == 100_000


def test_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("title,body\nx,y\n")
    for args, options, code in [
        ((tmp_path / "none.txt",), {}, "R033"),
        ((tmp_path / "in.csv", "xml"), {}, "R031"),
        ((tmp_path / "in.csv",), {}, "R061.*title, body"),
        ((tmp_path / "in.csv",), {"text_key": "body", "id_key": "name"}, "R061.*'name'"),
        ((tmp_path, "text"), {}, "R034"),
    ]:
        with pytest.raises(ValueError, match=code):
            read(*args, **options)
    assert all(format in INPUT_FORMATS for format in ("text", "jsonl", "csv", "tsv", "parquet", "folder"))


@pytest.mark.parametrize("name", ["a.json", "a.JSON", "a.jsonl.gz", "a.spacy", "a.html", "a.pdf"])
def test_files_without_lines_of_text_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(FileError, match="R033"):
        read_documents(path)
    path.write_text('[{"text": "Ada"}, {"text": "Tom"}]\n')
    for refuses in (read_documents, count_documents, input_format):
        with pytest.raises(FileError, match=rf"R034.*{path.suffix.lower()} file has no text in its lines"):
            refuses(path)
    assert [document.text for document in read_documents(path, "text")] == ['[{"text": "Ada"}, {"text": "Tom"}]']
    if not name.endswith(".gz"):  # the engines uncompress it
        with pytest.raises(FileError, match=r"R034.*no text in its lines"):
            cut(str(path))
    (tmp_path / "b.txt").write_text("Ada")
    pieces = [piece.name for shard in cut(str(tmp_path)) for piece in shard.pieces]
    assert pieces == (["a.jsonl.gz", "b.txt"] if name.endswith(".gz") else ["b.txt"])


def test_other_suffix_of_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.NDJSON"
    path.write_text('{"text": "Ada", "id": 7}\n')
    assert [(document.text, document.id) for document in read_documents(path)] == [("Ada", 7)]
    assert [piece.format for shard in cut(str(path)) for piece in shard.pieces] == ["jsonl"]


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "in.parquet").write_text("x")
    with pytest.raises(ValueError, match=r"R060.*spacy-rin\[parquet\]"):
        read(tmp_path / "in.parquet")


def test_a_row_that_hides_others_is_an_error(tmp_path: Path) -> None:
    """A quote without its end: the rows after it would be lost, or be read as one cell."""
    path = tmp_path / "in.csv"
    for content, line in [
        ('id,text\n1,one\n\n2,"two\n3,three\n4,four\n', 4),  # to the end of the file
        ('id,text\n1,"one\n2,two\n3,"three\n4,four\n', 2),  # to a quote that another cell begins with
        ('id,"text\n1,one\n', 1),
    ]:
        path.write_text(content)
        with pytest.raises(ValueError, match=rf"R030.*in.csv:{line}: .*quote|R030.*:{line}: .*end of data"):
            read(path)


def test_a_row_with_a_mistake_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text('text,id\none,1\n"a "b" c",2\ntwo, three,3\n"a ""b""\nc",4\n"open,5')
    documents = read(tmp_path / "in.csv")
    assert [(d.id, d.text) for d in documents] == [("1", "one"), (2, ""), (3, ""), ("4", 'a "b"\nc'), (5, "")]
    for place, reason in ((1, "line 3"), (2, "3 cells"), (4, "line 7")):
        assert reason in documents[place].error


@pytest.mark.parametrize("header,named", [("text,x,text", "text"), ("id,text,id", "id"), ("text,b,b", "")])
def test_a_column_that_is_there_twice(tmp_path: Path, header: str, named: str) -> None:
    (tmp_path / "in.csv").write_text(f"{header}\n1,2,3\n")
    if named:
        with pytest.raises(ValueError, match=rf"^\[R034\].*in\.csv: it has the column '{named}' 2 times"):
            read(tmp_path / "in.csv")
    else:
        assert read(tmp_path / "in.csv") == [Document(1, "1")]


def test_a_parquet_column_that_is_there_twice(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table([["a"], ["b"]], names=["text", "text"]), tmp_path / "in.parquet")
    with pytest.raises(ValueError, match=r"^\[R034\].*the column 'text' 2 times"):
        read(tmp_path / "in.parquet")


def test_cells_without_a_name(tmp_path: Path) -> None:
    """Other programs write an index without a name, and a separator at the end of a row."""
    (tmp_path / "in.csv").write_text(",text\n7,one,\n8,two,,\n")
    assert read(tmp_path / "in.csv") == [Document(1, "one"), Document(2, "two")]


def test_parquet_values_that_python_has_not(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    offsets, data = b"\0\0\0\0\x03\0\0\0\x05\0\0\0\x08\0\0\0", b"Ada\xff\xfeTom"
    texts = pyarrow.Array.from_buffers(pyarrow.string(), 3, [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(data)])
    parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "utf8.parquet")
    documents = read(tmp_path / "utf8.parquet")
    assert [(d.id, d.text) for d in documents] == [(1, "Ada"), (2, ""), (3, "Tom")] and "utf-8" in documents[1].error
    times = pyarrow.array([0, 2**60, 86_400_000], pyarrow.int64()).cast(pyarrow.timestamp("ms"))
    parquet.write_table(pyarrow.table({"text": ["a", "b", "c"], "id": times}), tmp_path / "times.parquet")
    documents = read(tmp_path / "times.parquet")
    assert [(d.id, d.text) for d in documents] == [("1970-01-01T00:00:00", "a"), (2, ""), ("1970-01-02T00:00:00", "c")]
    assert "can't be read" in documents[1].error


def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("two")
    (tmp_path / "c.txt").symlink_to("none")
    assert [(d.id, d.text, bool(d.error)) for d in read(tmp_path)] == [
        ("a.txt", "", True),
        ("b.txt", "two", False),
        ("c.txt", "", True),
    ]


def test_json_that_cant_be_kept(tmp_path: Path) -> None:
    deep = "[" * 900 + "]" * 900
    lines = [f'{{"text": "a", "{key}": {value}}}' for key in ("meta", "id") for value in (deep, "1e999", "9" * 5000)]
    (tmp_path / "in.jsonl").write_text("\n".join([*lines, f'{{"text": {deep}}}', deep, '{"text": "last"}']))
    documents = read(tmp_path / "in.jsonl")
    assert [document.text for document in documents] == [""] * 8 + ["last"]
    assert all("invalid JSON" in document.error for document in documents[:-1])
