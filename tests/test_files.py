"""Files that are written whole: what they replace, and what killed processes leave."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spacy_rin.errors import FileError
from spacy_rin.files import (
    input_files,
    remove_unfinished,
    require_existing,
    require_targets,
    require_writable,
    same_file,
    write_whole,
)


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_only_own_leftovers_are_removed(tmp_path: Path) -> None:
    dead = gone()
    left = [f".t.csv.{dead}.tmp", ".draft.tmp", ".t.csv.old.tmp", ".t.csv.tmp", f".t.csv.{os.getppid()}.tmp"]
    left += [f".other.csv.{dead}.tmp", f"t.csv.{dead}.tmp", ".t.csv.1.2.tmp", f".t.csv.{10**30}.x.tmp"]
    for name in (*left, f"..t.csv.{dead}.tmp.{dead}.tmp"):
        (tmp_path / name).write_text("x")
    with write_whole(tmp_path / "t.csv") as unfinished:
        unfinished.write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*left[1:], "t.csv"])
    remove_unfinished(tmp_path / "t.csv", locked=True)
    assert not (tmp_path / left[4]).exists() and (tmp_path / left[2]).exists()


def test_folders_too(tmp_path: Path) -> None:
    unfinished = tmp_path / f".best.{gone()}.tmp"
    (unfinished / "vocab").mkdir(parents=True)
    with write_whole(tmp_path / "best") as folder:
        folder.mkdir()
        (folder / "meta.json").write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_links_are_written_through(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "old.csv").write_text("old")
    for link, target in (("a.csv", "old.csv"), ("b.csv", "new.csv")):  # the second one is not there yet
        (tmp_path / link).symlink_to(tmp_path / "there" / target)
        with write_whole(tmp_path / link) as unfinished:
            unfinished.write_text(link)
        assert (tmp_path / link).is_symlink() and (tmp_path / "there" / target).read_text() == link
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["new.csv", "old.csv"]


def test_what_cant_be_written_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (os.devnull, tmp_path / "pipe", tmp_path / ("x" * 300), "a\0b"):
        for check in (require_writable, lambda path: write_whole(path).__enter__()):
            with pytest.raises(FileError, match="R034"):
                check(path)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    require_writable(tmp_path / "new" / "file")


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    for path, code in ((tmp_path / "no", "R033"), (tmp_path / ("x" * 300), "R034"), ("a\0b", "R034")):
        with pytest.raises(FileError, match=code):
            require_existing(path)
    assert require_existing(tmp_path) == tmp_path


def test_targets_that_cant_be_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    for names, reason in (
        (["new", "."], "it is a folder"),
        ([".."], "it is a folder"),
        (["a/b/new"], "a is not a folder"),
        (["new", "other/../new"], "the same file"),
        (["new", "a"], "overwrite the input"),
    ):
        with pytest.raises(FileError, match=f"R034.*{reason}"):
            require_targets([tmp_path / name for name in names], [tmp_path / "none", tmp_path / "a"])
    with pytest.raises(FileError, match=r"R034.*it is a folder"):
        require_targets(["/"])
    require_targets([tmp_path / "new"], (1 / 0 for _ in range(1)))  # inputs are not listed if nothing is replaced


def test_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.tsv", "b/a.tsv/x.tsv", "b/.git/a.tsv", ".a.tsv", "a.txt", "z/a.ann"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [path.relative_to(tmp_path).as_posix() for path in input_files(tmp_path, (".tsv", ".ann"))]
    assert found == ["b.tsv", "b/a.tsv/x.tsv", "z/a.ann"]
    assert list(input_files(tmp_path / "none", ())) == [tmp_path / "none"]


def test_same_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    os.link(tmp_path / "a", tmp_path / "hard")
    assert same_file(tmp_path / "a", tmp_path / "link") and same_file(tmp_path / "hard", tmp_path / "a")
    assert same_file(tmp_path / "no", tmp_path / "." / "no") and not same_file(tmp_path / "no", tmp_path / "a")
    assert not same_file("a\0b", tmp_path / "a")


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def write() -> None:
        with write_whole(tmp_path / "a") as unfinished:
            unfinished.write_text("half")
            raise OSError("full")

    with pytest.raises(FileError, match=r"R034.*full"):
        write()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_a_file_that_is_replaced_passes_its_permissions_on(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "secret.csv")
    for name, mode in (("secret.csv", 0o600), ("link.csv", 0o640)):
        (tmp_path / "secret.csv").chmod(mode)
        with write_whole(tmp_path / name) as unfinished:
            unfinished.write_text("new")
        assert (tmp_path / "secret.csv").stat().st_mode & 0o777 == mode
