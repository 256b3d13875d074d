"""README and docs: their code runs, and what they name exists."""

import importlib.util
import re
import shutil
from pathlib import Path

import pytest
from spacy.vocab import Vocab
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import spacy_rin.cli  # noqa: F401 (adds the commands to spaCy's)
from spacy_rin.convert import write_docs
from spacy_rin.errors import Errors, Warnings
from spacy_rin.init_config import init_config

from .support import make_examples, run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(page: Path) -> list[str]:
    """Lines of the page's shell blocks."""
    blocks = BLOCK.findall(page.read_text("utf8"))
    return [line.strip() for language, text in blocks if language == "bash" for line in text.splitlines()]


def run_examples(page: Path) -> int:
    """Run the Python blocks of a page, one after the other in one namespace, and return their number."""
    examples = list(Sybil([PythonCodeBlockParser()]).parse(page).examples())
    for example in examples:
        example.evaluate()
    return len(examples)


@pytest.fixture
def folder(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the files that the code of the pages reads."""
    for name in ("training/model-best", "project/training/core_sm/model-tuned", "project/training/sample/model-best"):
        shutil.copytree(model, tmp_path / name)
    for part in ("train", "dev"):
        write_docs([example.reference for example in make_examples(Vocab())], tmp_path / "corpus" / f"{part}.spacy")
    init_config(tmp_path / "corpus" / "train.spacy")[0].to_disk(tmp_path / "config.cfg")
    (tmp_path / "texts.txt").write_text("Ada Brook was born in Larne .\n", "utf8")
    (tmp_path / "texts.jsonl").write_text('{"body": "Ada Brook was born in Larne ."}\n', "utf8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# The pages about using triples need other files, and are run by tests/extract/test_use.py.
WITH_CODE = [page for page in PAGES if "```python" in page.read_text("utf8") and page.parent.name != "use"]


# The pages name relations that the pipeline of the tests does not have.
@pytest.mark.filterwarnings("ignore:.*W014")
@pytest.mark.parametrize("page", WITH_CODE, ids=page_id)
def test_python_code_runs(page: Path, folder: Path) -> None:
    for package in ("pyarrow", "networkx"):
        if page.name == "extract.md":
            pytest.importorskip(package)
    assert run_examples(page) > 0


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=page_id)
def test_commands_have_these_options(page: Path) -> None:
    for line in commands(page):
        if found := re.search(r"python -m spacy rin (\w+)(.*)", line):
            result = run(found[1], "--help")
            assert result.exit_code == 0, line
            for option in re.findall(r"(?<!\S)--?[a-z][\w-]*", found[2]):
                assert re.search(rf"(?<!\S){option}\b", result.output), line


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_files_of_the_repository_exist(page: Path) -> None:
    text = page.read_text("utf8")
    named = set(re.findall(r"(?<![\w/])(?:configs|project|docs|spacy_rin|tests)/[\w./-]*[\w]", text))
    # Trainings and packages are made by commands of the project.
    made = {name for name in named if name.startswith(("project/training/", "project/packages/"))}
    assert {name for name in named - made if not (ROOT / name).exists()} == set()


ON_SITE = {"settings.md", "commands.md", "errors.md"}  # pages that docs/hooks.py makes


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=page_id)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text("utf8"))
    paths = {link: page.parent / link for link in links if not link.startswith("https://")}
    assert [link for link, path in paths.items() if path.name not in ON_SITE and not path.exists()] == []


def test_generated_pages_are_complete(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("griffe")
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None and spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    errors = hooks.errors_page()
    codes = [message.name for message in [*Errors, *Warnings]]
    assert re.findall(r"^### (\w+)$", errors, re.MULTILINE) == codes
    assert set(hooks.ERROR_NOTES) <= set(codes)
    (tmp_path / "errors.md").write_text(errors, "utf8")
    assert run_examples(tmp_path / "errors.md") == 1
    settings = hooks.settings_page()
    for name in ("threshold", "rounds", "cell", "affix_width", "depth", "augmenter"):
        assert re.search(rf"^\| `{name}` \| `.+` \| .+ \|$", settings, re.MULTILINE), name
    assert "\n## `python -m spacy rin extract`\n" in hooks.commands_page()
