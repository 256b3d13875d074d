"""The notebooks of the documentation run, and show what they say."""

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def shown(cell: Any) -> str:
    """What a cell has printed or displayed, as text or HTML."""
    parts = [output.get("text") or output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
    return "".join(parts)


@pytest.mark.filterwarnings("ignore")  # of Jupyter
def test_first_steps() -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    for package in ("ipykernel", "duckdb", "pyarrow"):
        pytest.importorskip(package)
    folder = ROOT / "docs" / "notebooks"
    notebook = nbformat.read(folder / "first_steps.ipynb", as_version=4)
    assert not any(shown(cell) for cell in notebook.cells)  # outputs are made when the site is built
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}}).execute()
    outputs = [shown(cell) for cell in notebook.cells if cell.cell_type == "code"]
    assert "Marie Curie | born_in | Warsaw" in outputs[2]
    assert sum("<svg" in output for output in outputs) == 3
    # Two of the texts state it.
    assert "Marie Curie | born_in | Warsaw | 2 | " in outputs[5]
    assert "Akio Morita | founded | Sony" in outputs[-1]
