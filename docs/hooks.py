"""Pages of the site that are made from the package and the repository when MkDocs builds it."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from griffe import Docstring, DocstringSectionParameters
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]

ERROR_GROUPS = {
    "R00": "Relations of a Doc",
    "R01": "Settings and state of the component",
    "R02": "Features of the network",
    "R03": "Files, corpora and converters",
    "R04": "Formats of annotation",
    "R05": "Evaluation",
    "R06": "Extraction",
    "R07": "Pictures and pages",
    "R08": "Extraction in shards",
    "R09": "Facts",
    "R10": "Suggestions",
    "R11": "Configs",
    "W00": "Warnings",
    "W01": "Warnings",
}
# Messages that only say where, because the reason comes from the place that raises them.
ERROR_NOTES = {
    "R030": "Something in an annotated file is not valid. The message names the file, the line and the reason, for the "
    "first 20 places. Nothing was written: mend them and convert again, or use `--skip-errors`.",
    "R034": "A file can't be read or written, or its content is not what the command expects. The message gives the "
    "reason.",
    "R068": "The command, and `failures=True`, still read the other documents, and list this one.",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, the notebooks, the pages of the repository's root, and the results.

    Args:
        files (Files): The files of `docs`.
        config (MkDocsConfig): The settings of the site.

    Returns:
        Files: The same, with the additions.
    """
    pages = {"errors.md": errors_page(), "commands.md": commands_page(), "settings.md": settings_page()}
    for path in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        pages[f"notebooks/{path.stem}.md"] = notebook_page(path, path.stat().st_mtime)
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    copies = {"changelog.md": ROOT / "CHANGELOG.md", "contributing.md": ROOT / "CONTRIBUTING.md"}
    for path in sorted((ROOT / "project" / "results").iterdir()):
        if path.suffix in (".md", ".png"):
            copies[f"results/{path.name}"] = path
    for name, path in copies.items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to the results, as they work in the repository, lead to their pages on the site.

    Args:
        markdown (str): The text of a page.
        page (Page): The page.
        config (MkDocsConfig): The settings of the site.
        files (Files): All files of the site.

    Returns:
        str: The text with its links.
    """
    return markdown.replace("](../project/results/", "](results/")


def errors_page() -> str:
    """Write the page of error codes from `spacy_rin.errors`.

    Returns:
        str: Markdown, with a heading for each code.
    """
    from spacy_rin.errors import Errors, Warnings

    classes = _raised_classes()
    lines = [
        "# Error codes",
        "",
        "Each error and warning has a code that stays the same when its wording changes. The text says what is wrong "
        "and what to do about it. Words in *italics*, or in braces inside code, stand for values that the message "
        "fills in.",
        "",
        "Errors are [`RinError`](api/errors.md) or one of its subclasses, and `error.code` holds the code:",
        "",
        "```python",
        "import spacy",
        "from spacy_rin.errors import RinError",
        "",
        'nlp = spacy.blank("en")',
        "try:",
        '    nlp.add_pipe("rin_joint", config={"threshold": 2.0})',
        "except RinError as error:",
        "    print(error.code)  # R010",
        "```",
    ]
    group = ""
    for message in [*Errors, *Warnings]:
        if ERROR_GROUPS[message.name[:3]] != group:
            group = ERROR_GROUPS[message.name[:3]]
            lines += ["", f"## {group}"]
        raised = f"`{classes[message.name]}`: " if message.name in classes else ""
        lines += ["", f"### {message.name}", "", raised + _with_italics(message.value)]
        if message.name in ERROR_NOTES:
            lines += ["", ERROR_NOTES[message.name]]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Write the page of the commands from their help texts.

    Returns:
        str: Markdown, as Typer writes it.
    """
    command = [sys.executable, "-m", "typer", "spacy_rin.cli", "utils", "docs", "--name", "python -m spacy rin"]
    env = {**os.environ, "PYTHONUTF8": "1"}
    page = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf8", env=env).stdout
    return page.replace("# `python -m spacy rin`", "# Commands", 1)


def settings_page() -> str:
    """Write the page of all settings from docstrings and defaults.

    Returns:
        str: Markdown, with a table for each registered function.
    """
    from spacy.language import Language
    from spacy.util import registry

    import spacy_rin.pipeline.factory  # noqa: F401 (registers the component with its defaults)

    lines = ["# Settings", "", "What can be set in a config, and the defaults. [Training](training.md) says how."]
    factory = registry.get("factories", "rin_joint")
    defaults = Language.get_factory_meta("rin_joint").default_config or {}
    lines += _settings("rin_joint", "factory", factory, defaults)
    for kind, name in [
        ("architectures", "spacy_rin.RIN.v1"),
        ("architectures", "spacy_rin.RINInt.v1"),
        ("architectures", "spacy_rin.Interactive.v1"),
        ("architectures", "spacy_rin.WordPosEmbed.v1"),
        ("architectures", "spacy_rin.BiLSTMEncoder.v1"),
        ("architectures", "spacy_rin.DependencyGCN.v1"),
        ("readers", "spacy_rin.Corpus.v1"),
        ("batchers", "spacy_rin.join_texts.v1"),
        ("batchers", "spacy_rin.replace_names.v1"),
        ("scorers", "spacy_rin.rin_scorer.v1"),
    ]:
        function = registry.get(kind, name)
        parameters = inspect.signature(function).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        lines += _settings(name, f"@{kind}", function, defaults)
    return "\n".join(lines) + "\n"


@cache
def notebook_page(path: Path, changed: float) -> str:
    """Run a notebook, and write its cells and what they show.

    Args:
        path (Path): The notebook.
        changed (float): When it was changed. `mkdocs serve` runs it again only then.

    Returns:
        str: Markdown, with pictures as HTML.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import MarkdownExporter

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": path.parent}}).execute()
    for cell in notebook.cells:
        # Warnings of the machine that builds the site.
        cell["outputs"] = [output for output in cell.get("outputs", []) if output.get("name") != "stderr"]
        for output in cell["outputs"]:
            if html := output.get("data", {}).get("text/html"):
                output["data"]["text/html"] = f"<div>{html}</div>"  # a block, in which Markdown changes nothing
    content, _ = MarkdownExporter().from_notebook_node(notebook)
    return f"{content}\n[Download the notebook]({path.name})\n"


def _settings(name: str, kind: str, function: Callable[..., Any], defaults: Mapping[str, Any]) -> list[str]:
    # The API pages show types, so missing annotations are reported there.
    docstring = Docstring(inspect.getdoc(function) or "", parser="google")
    lines = ["", f"## {name}", "", f"`{kind}`"]
    for section in docstring.parse(warnings=False):
        if isinstance(section, DocstringSectionParameters):
            lines += ["", "| setting | default | meaning |", "|---|---|---|"]
            for parameter in section.value:
                # spaCy passes these two to a factory itself.
                if kind == "factory" and parameter.name in ("nlp", "name"):
                    continue
                default = _toml(defaults[parameter.name]) if parameter.name in defaults else ""
                text = " ".join(parameter.description.split()).replace("|", "\\|")
                lines.append(f"| `{parameter.name}` | {default} | {text} |")
        elif section.kind.value == "text":
            lines += ["", section.value]
    return lines


def _toml(value: Any) -> str:
    """Write a default as a config has it."""
    if isinstance(value, Mapping):
        names = [str(v) for k, v in value.items() if k.startswith("@")]
        return f"`{names[0]}`" if names else "`{}`"
    words: dict[Any, str] = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return f"`{words[value]}`"
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def _raised_classes() -> dict[str, str]:
    """Find the class that each code is raised with."""
    found = {}
    for path in (ROOT / "spacy_rin").rglob("*.py"):
        for name, code in re.findall(r"(\w+)\(\s*Errors\.(R\d+)", path.read_text("utf8")):
            found[code] = name
    return found


def _with_italics(template: str) -> str:
    """Put the names of values in italics, and quote what Markdown would read as markup."""
    text = "".join(text + (f"{{{name}}}" if name else "") for text, name, _, _ in Formatter().parse(template))
    code_or_text = re.split(r"(`[^`]*`)", text)
    for i in range(0, len(code_or_text), 2):
        quoted = re.sub(r"[\\*_<>\[\]]", r"\\\g<0>", code_or_text[i])
        code_or_text[i] = re.sub(r"\{(\w+)\}", lambda found: f"*{found[1]}*", quoted)
    return "".join(code_or_text)
