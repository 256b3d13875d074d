"""Inputs cut into shards: each document is read once, whatever the format and the place of a cut."""

import gzip
import http.server
import io
import json
import random
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.registry import _registry
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_rin.extract.addresses import Folder
from spacy_rin.extract.parsing import Document, read_parquet
from spacy_rin.extract.shards import cut, read_shard

from .support import Web

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def read(address: object, format: str | None = None, size: int = 4_000_000, **keys: Any) -> list[Document]:
    shards = cut(str(address), format, size=size, **{k: v for k, v in keys.items() if k == "text_key"})
    assert len({shard.id for shard in shards}) == len(shards)
    return [document for shard in shards for document in read_shard(shard, **keys)]


LINE = st.sampled_from([b"", b" ", b"one", b"\xc3\xbc \xe2\x80\xa8", b"a long line of text", b"\xff", b"\xef\xbb\xbfx"])


@given(lines=st.lists(LINE, max_size=8), end=st.sampled_from([b"", b"\n"]), crlf=st.booleans(), size=st.integers(1, 60))
@settings(deadline=None, max_examples=150)
def test_lines_are_read_once_wherever_they_are_cut(
    lines: list[bytes], end: bytes, crlf: bool, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.txt"
    content = (b"\r\n" if crlf else b"\n").join(lines) + end
    path.write_bytes(content)
    found = read(path, size=size)
    place, expected = 0, []
    for line in content.splitlines(keepends=True):
        text = line.removeprefix(b"\xef\xbb\xbf") if not place else line
        if text.strip():
            expected.append((f"cut.txt:{place}", text.decode(errors="replace").rstrip("\r\n")))
        place += len(line)
    assert [document.id for document in found] == [ident for ident, _ in expected]
    for document, (_, text) in zip(found, expected):
        assert document.text == text or (document.error == "the text is not UTF-8" and "\ufffd" in text)


@given(groups=st.lists(st.integers(0, 9), min_size=1, max_size=5), size=st.integers(1, 300))
@settings(deadline=None, max_examples=60)
def test_rows_are_read_once_wherever_they_are_cut(
    groups: list[int], size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path, texts = tmp_path_factory.getbasetemp() / "cut.parquet", iter(range(100))
    schema = pyarrow.schema({"text": pyarrow.string(), "n": pyarrow.int64()})
    with parquet.ParquetWriter(path, schema) as table:
        for rows in groups:
            values = [f"text {next(texts)}" for _ in range(rows)]
            table.write_table(pyarrow.table({"text": values, "n": list(range(rows))}, schema))
    expected = [(f"cut.parquet:{i + 1}", f"text {i}") for i in range(sum(groups))]
    assert [(document.id, document.text) for document in read(path, size=size)] == expected
    if size == 1:
        assert len(cut(str(path), size=size)) == sum(groups)


class Counted(io.BytesIO):
    """A file that counts the bytes which are read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def test_a_large_row_group_is_not_read_at_once() -> None:
    chance, file = random.Random(0), Counted()
    texts = [f"{chance.getrandbits(3000):x}" for _ in range(20_000)]  # 15 MB that can't be compressed
    parquet.write_table(pyarrow.table({"text": texts}), file)
    for first, last, most in [(0, 10, 0.3), (10_000, 10_010, 0.8), (19_990, 20_000, 1.1)]:
        file.count = file.seek(0)
        rows = list(read_parquet(file, "large.parquet", "text", None, rows=(first, last)))
        assert [row.text for row in rows] == texts[first:last]
        assert file.count < most * len(file.getvalue())


def test_formats_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.jsonl").write_text('{"text": "one", "id": "mine"}\n\n{"text": "two"}\n{"body": 1}\n')
    (folder / "b.csv").write_text('text,id\n"three\nlines",7\nfour,\n')
    (folder / "c.tsv").write_text("text\nfive\n")
    (folder / "sub" / "d.txt").write_bytes(b"\xef\xbb\xbfsix\nseven\n")
    (folder / "notes.md").write_text("no text")
    (folder / ".hidden.txt").write_text("no text")
    parquet.write_table(pyarrow.table({"text": ["eight", None]}), folder / "e.parquet")
    (folder / "f.txt").write_text("")
    found = [
        ("mine", "one"),
        ("a.jsonl:31", "two"),
        ("a.jsonl:47", ""),
        ("7", "three\nlines"),
        ("b.csv:2", "four"),
        ("c.tsv:1", "five"),
        ("e.parquet:1", "eight"),
        ("e.parquet:2", ""),
        ("f.txt", ""),
        ("sub/d.txt", "six\nseven\n"),
    ]
    for size in (1, 20, 10**6):
        assert [(d.id, d.text) for d in read(folder, size=size)] == found
    assert len(cut(str(folder))) == 1  # small files share a shard
    # In a pattern or by themselves, text files have a text per line.
    assert [(d.id, d.text) for d in read(folder / "sub" / "*.txt")] == [("d.txt:0", "six"), ("d.txt:7", "seven")]
    assert [(d.id, d.text) for d in read(folder / "sub" / "d.txt")] == [("d.txt:0", "six"), ("d.txt:7", "seven")]
    assert [d.id for d in read(folder / "**" / "*.tsv")] == ["c.tsv:1"]


def test_compressed_files(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"text {i}"}) + "\n" for i in range(50)]
    content = "".join(lines).encode()
    half = len("".join(lines[:20]))
    # Both may be made of several parts, as programs that compress in parallel write them.
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(content[:half]) + gzip.compress(content[half:]))
    (tmp_path / "b.jsonl.zst").write_bytes(
        b"".join(pyarrow.compress(part, codec="zstd", asbytes=True) for part in (content[:half], content[half:]))
    )
    found = read(tmp_path, size=10)
    assert [d.text for d in found] == [f"text {i}" for i in range(50)] * 2
    assert found[1].id == f"a.jsonl.gz:{len(lines[0])}"
    assert len(cut(str(tmp_path), size=10)) == 2
    (tmp_path / "b.jsonl.zst").write_bytes((tmp_path / "b.jsonl.zst").read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"R034.*b\.jsonl\.zst.*[Tt]runcated"):
        read(tmp_path)


def test_shards_are_named_after_their_content(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\nthree\n")

    def idents(size: int = 5) -> list[str]:
        return [shard.id for shard in cut(str(path), size=size)]

    before = idents()
    assert idents() == before and len(before) == 3
    assert not set(idents(6)) & set(before)
    path.write_text("one\ntwo\nThree\n")
    assert not set(idents()) & set(before)


@pytest.mark.parametrize(
    "make, options, code",
    [
        (lambda folder: folder / "none", {}, "R033.*none does not exist"),
        (lambda folder: folder / "*.txt", {}, "R033"),
        (lambda folder: folder, {}, "R034.*known format"),
        (lambda folder: folder / "a.md", {"format": "xml"}, "R031"),
        (lambda folder: folder / "a.md", {"size": 0}, "R010.*shard_size"),
        (lambda folder: folder / "a.md", {"format": "parquet"}, "R034"),
        (lambda folder: "nowhere://x/y", {}, "R034.*nowhere"),
        (lambda folder: folder / "\0", {}, "R034|R033"),
    ],
)
def test_refused(make: Callable[[Path], Any], options: Any, code: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("no table")
    with pytest.raises(ValueError, match=code):
        cut(str(make(tmp_path)), **options)


def test_columns_are_checked_before_the_run(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"body": ["one"]}), tmp_path / "a.parquet")
    assert [d.text for d in read(tmp_path / "a.parquet", text_key="body")] == ["one"]
    with pytest.raises(ValueError, match=r"R061.*'text'.*body"):
        cut(str(tmp_path / "a.parquet"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_with_colons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for name in ("in/x::y.jsonl.txt", "in/x", "zip::x.txt", "file:x.txt", "x.txt"):
        Path(name).write_text(name)
    assert [d.text for d in read("in")] == ["in/x::y.jsonl.txt"]
    assert [d.text for d in read("zip::x.txt")] == ["zip::x.txt"]
    assert [d.text for d in read("file:x.txt")] == ["file:x.txt"]
    folder = Folder("o::x")
    folder.create()
    with folder.writing("a::b.bin") as file:
        file.write(b"1")
    assert [str(path) for path in Path().glob("o*/*")] == ["o::x/a::b.bin"]


# Files elsewhere


@pytest.fixture
def memory() -> Iterator[Any]:
    """A file system in memory, which knows keys and no folders, as object stores do."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_other_file_systems(memory: Any) -> None:
    memory.pipe({"/in/a.txt": b"one\ntwo\n", "/in/b.txt": b"three\n", "/in/c.jsonl": b'{"text": "four"}\n'})
    for size in (1, 4, 100):
        assert [d.text for d in read("memory://in/*.txt", size=size)] == ["one", "two", "three"]
    assert [d.id for d in read("memory://in")] == ["a.txt", "b.txt", "c.jsonl:0"]
    folder = Folder("memory://out/x")
    folder.create()
    with folder.writing("a.bin") as file:
        file.write(b"1")
        assert "a.bin" not in folder.names()
    assert folder.names() == {"a.bin"}
    with pytest.raises(KeyError), folder.writing("b.bin"):
        raise KeyError
    assert folder.names() == {"a.bin"}
    folder.remove("a.bin", "never there")
    assert folder.names() == set()


def test_http(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    (tmp_path / "a.csv").write_text("text\none\ntwo\n")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "three"}'))
    (tmp_path / "c.txt").write_text("four\nfive\n")
    parquet.write_table(pyarrow.table({"text": ["six"]}), tmp_path / "d.parquet")
    quiet: Any = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        try:
            assert [(d.id, d.text) for d in read(f"{root}/a.csv")] == [("a.csv:1", "one"), ("a.csv:2", "two")]
            assert [d.text for d in read(f"{root}/b.jsonl.gz")] == ["three"]
            # This server sends no parts of files.
            assert [d.text for d in read(f"{root}/c.txt", size=1)] == ["four", "five"]
            assert [d.text for d in read(f"{root}/d.parquet")] == ["six"]
            with pytest.raises(ValueError, match="R033"):
                cut(f"{root}/none.csv")
        finally:
            server.shutdown()


@pytest.mark.parametrize("ranges, shards", [(True, 4), (False, 1)])
def test_a_web_server_that_sends_no_parts(ranges: bool, shards: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": ["three"]}), table)
    monkeypatch.setitem(_registry, "http", Web)
    monkeypatch.setattr(Web, "ranges", ranges)
    monkeypatch.setattr(Web, "files", {"web/a.txt": b"one\ntwo\n", "web/b.parquet": table.getvalue()})
    assert len(cut("http://web/a.txt", size=2)) == shards
    assert len(cut("http://web/a.txt")) == 1
    assert [d.text for d in read("http://web/a.txt", size=2)] == ["one", "two"]
    assert [d.text for d in read("http://web/b.parquet")] == ["three"]


def test_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "one\ntwo\n")
        archive.writestr("in/b.jsonl.gz", gzip.compress(b'{"text": "three"}'))
    for scheme in ("zip", "simplecache::zip"):
        for size in (1, 100):
            assert [d.text for d in read(f"{scheme}://*.txt::{tmp_path}/a.zip", size=size)] == ["one", "two"]
    assert [d.text for d in read(f"zip://in::file://{tmp_path}/a.zip")] == ["three"]
    before = [shard.id for shard in cut(f"zip://a.txt::{tmp_path}/a.zip")]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "one\nTwo\n")
    fsspec.get_filesystem_class("zip").clear_instance_cache()
    assert [shard.id for shard in cut(f"zip://a.txt::{tmp_path}/a.zip")] != before


@pytest.mark.parametrize(
    "address, reason, text",
    [
        ("s3://x/a.txt", "Install s3fs to access S3", r"R060.*s3://x/a\.txt needs the package s3fs.*spacy-rin\[s3\]"),
        (
            "gs://x/a",
            "Please install gcsfs to access Google Storage",
            r"R060.*needs the package gcsfs.*spacy-rin\[gs\]",
        ),
        ("http://x/a", 'HTTPFileSystem requires "requests" and "aiohttp" to be installed', r"R060.*aiohttp.*\[http\]"),
        ("s3://x/a.zst", "No module named 'pyarrow'", r"R060.*needs the package pyarrow.*spacy-rin\[parquet\]"),
        ("abfs://x/a", "Install adlfs to access Azure Blob Storage", r"R084.*: Install adlfs to(?!.*spacy-rin)"),
        ("sftp://x/a", 'SFTPFileSystem requires "paramiko" to be installed', r'R084.*"paramiko"(?!.*spacy-rin)'),
    ],
)
def test_a_package_that_is_missing_is_named(
    address: str, reason: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*args: object, **options: object) -> None:
        raise ImportError(reason)

    monkeypatch.setattr("spacy_rin.extract.addresses.url_to_fs", missing)
    with pytest.raises(ImportError, match=text):
        cut(address)


@pytest.mark.parametrize("size", [10, 1000])
@pytest.mark.parametrize("suffix", ["txt", "jsonl", "csv"])
def test_utf_16_is_refused_wherever_it_is_cut(tmp_path: Path, suffix: str, size: int) -> None:
    path = tmp_path / f"in.{suffix}"
    path.write_bytes("text\nAda left.\nTom left.\n".encode("utf-16"))
    with pytest.raises(ValueError, match=rf"R034.*in.{suffix}: this is UTF-16"):
        read(path, size=size)
