import os
from pathlib import Path
from typing import Any

# Networks of tests are small: threads would only wait for each other. It holds if set before torch starts, and for
# child processes, too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import spacy
from spacy.language import Language

from .hostile.support import TALLY
from .support import TRIPLES, make_examples, train


def pytest_addoption(parser: pytest.Parser) -> None:
    help = "how many times the usual number of hostile inputs to try: 1 takes seconds, 100 an hour"
    parser.addoption("--hostile", type=int, default=1, metavar="N", help=help)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):  # a worker of pytest-xdist
        session.config.workeroutput["hostile"] = dict(TALLY)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    TALLY.update(getattr(node, "workeroutput", {}).get("hostile", {}))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.getoption("--hostile") > 1:
        terminalreporter.section("hostile inputs")
        for name, count in sorted(TALLY.items()):
            terminalreporter.write_line(f"{count:>9,} {name}")


@pytest.fixture(scope="session")
def hostile(pytestconfig: pytest.Config) -> int:
    """How many times the usual number of hostile inputs to try."""
    return int(pytestconfig.getoption("--hostile"))


@pytest.fixture(scope="session")
def trained() -> Language:
    """A pipeline that knows its small corpus by heart; tests must not change it."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint")
    train(nlp, make_examples(nlp.vocab), 80)
    return nlp


@pytest.fixture(scope="session")
def model(trained: Language, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that pipeline."""
    folder = tmp_path_factory.mktemp("model")
    trained.to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a small transformer with random weights, which knows the words of the small corpus."""
    pytest.importorskip("spacy_transformers")
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    words = sorted({word for text, _ in TRIPLES for word in text.split()})
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    (folder / "vocab.txt").write_text("\n".join(vocab))
    BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=False).save_pretrained(folder)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(vocab), **sizes)).save_pretrained(folder)
    return str(folder)


@pytest.fixture
def nlp() -> Language:
    return spacy.blank("en")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data sets."""
    folder = os.environ.get("SPACY_RIN_DATA")
    if not folder:
        pytest.skip("SPACY_RIN_DATA is not set")
    return Path(folder)
