"""The page of `spacy rin serve`."""

import base64
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Event, Thread
from typing import Any
from xml.etree import ElementTree

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.cli._util import app
from spacy.language import Language
from typer.testing import CliRunner

import spacy_rin.cli  # noqa: F401
from spacy_rin.markup import to_html
from spacy_rin.page import reader as reading
from spacy_rin.page import view
from spacy_rin.page.reader import RoundsReader
from spacy_rin.page.turns import Turns
from spacy_rin.relations import set_relations

from ..support import component_of, names, same_predictions

TEXT = "Ada Brook , born in Larne , founded Nimbus ."
TRIPLES = {("Ada Brook", "born_in", "Larne"), ("Ada Brook", "founded", "Nimbus")}
HOSTILE = (
    'Ada Brook was born in Larne . <img src=x onerror="window.hacked=1"><script>window.hacked=1</script> '
    "![x](http://x.invalid/x.png) $x$ :fire:"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


# What the page reads with


def test_rounds_are_those_of_pipelines_with_so_many(trained: Language, tmp_path: Path) -> None:
    """The last Doc is what the pipeline says itself; the others are what it says with fewer rounds."""
    docs = RoundsReader(trained).read(TEXT, threshold=0.5, rounds=3)
    assert len(docs) == 4 and names(docs[-1]) == TRIPLES
    assert same_predictions([docs[-1]], [trained(TEXT)])
    trained.to_disk(tmp_path)
    for rounds in (1, 2):
        nlp = spacy.load(tmp_path, config={"components.rin_joint.model.rounds": rounds})
        assert component_of(nlp).rounds == rounds
        assert same_predictions([docs[rounds]], [nlp(TEXT)])


def test_threshold(trained: Language) -> None:
    reader = RoundsReader(trained)
    assert names(reader.read(TEXT, threshold=1.0, rounds=3)[-1]) == set()
    low = names(reader.read(TEXT, threshold=0.0, rounds=3)[-1])
    assert low > TRIPLES
    assert names(trained(TEXT)) == TRIPLES


def test_pipeline_is_left_as_it_was(trained: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the pipeline fails, or several visitors read at a time."""
    reader, before = RoundsReader(trained), trained(TEXT)
    with monkeypatch.context() as patch, pytest.raises(ValueError, match="E088"):
        patch.setattr(trained, "max_length", 3)
        reader.read(TEXT, threshold=0.1, rounds=1)
    assert same_predictions([trained(TEXT)], [before])
    results = {}

    def read(rounds: Any) -> None:
        results[rounds] = [reader.read(TEXT, threshold=rounds / 10 + 0.1, rounds=rounds)[-1] for _ in range(5)]

    threads = [Thread(target=read, args=(rounds,)) for rounds in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for rounds, docs in results.items():
        assert same_predictions(docs, [reader.read(TEXT, threshold=rounds / 10 + 0.1, rounds=rounds)[-1]] * 5)
    assert same_predictions([trained(TEXT)], [before])


def test_settings_of_the_pipeline_are_known_while_it_reads(trained: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one visitor does must not move the sliders of another."""
    reader, seen, make_doc = RoundsReader(trained), [], trained.make_doc

    def make(text: str) -> Any:
        seen.append((reader.threshold, reader.rounds))
        return make_doc(text)

    monkeypatch.setattr(trained, "make_doc", make)
    reader.read(TEXT, threshold=0.9, rounds=1)
    assert seen == [(0.5, 3), (0.5, 3)]


@given(st.lists(st.sampled_from(["ab", " ", ".", "\n", "\n\n", "。", "x" * 9, "👩‍👩‍👧"]), max_size=40).map("".join))
@settings(deadline=None)
def test_pieces_are_the_text(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "PIECE", 10)
        pieces = list(reading.split_text(text))
    assert "".join(pieces) == text
    assert all(pieces) or not text
    assert all(len(piece) <= 10 for piece in pieces) and all(len(piece) > 5 for piece in pieces[:-1])


@pytest.mark.parametrize(
    "text,pieces",
    [
        ("aaaa b. c\n\nd e\nf. g", ["aaaa b. c\n\n", "d e\nf. g"]),
        ("aaaaaa\nb. c d", ["aaaaaa\n", "b. c d"]),
        ("aaaa b. c d e f", ["aaaa b. ", "c d e f"]),
        ("a b c d e f g", ["a b c d e ", "f g"]),
        ("名名名名名名。名名名名名", ["名名名名名名。", "名名名名名"]),
        ("名" * 12, ["名" * 10, "名" * 2]),
    ],
)
def test_pieces_end_with_paragraphs_or_sentences(text: str, pieces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE", 11 if "\n\n" in text else 10)
    assert list(reading.split_text(text)) == pieces


def test_long_text_has_the_triples_of_its_pieces(trained: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIECE", 40)
    text = "It rained all day .\n\n" + "Ada Brook was born in Larne . Tom Hale was born in Wick . " * 2
    shares: list[float] = []
    docs = RoundsReader(trained).read(text, threshold=0.5, rounds=3, progress=shares.append)
    assert shares == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert len(docs) == 4 and all(doc.text == text for doc in docs)
    found = [(r.subject.start_char, r.subject.text, r.object.text, r.object.label_) for r in docs[-1]._.relations]
    assert found == [
        (text.index("Ada"), "Ada Brook", "Larne", "PLACE"),
        (text.index("Tom"), "Tom Hale", "Wick", "PLACE"),
        (text.rindex("Ada"), "Ada Brook", "Larne", "PLACE"),
        (text.rindex("Tom"), "Tom Hale", "Wick", "PLACE"),
    ]
    assert [ent.text for ent in docs[-1].ents] == ["Ada Brook", "Larne", "Tom Hale", "Wick"] * 2
    assert len(docs[-1].spans["rin"]) == 8


def test_short_text_is_read_between_the_pieces_of_a_long_one(
    trained: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first piece of the long text is held until the short one has asked for its turn."""
    reader, held, order, make_doc = RoundsReader(trained), Event(), [], trained.make_doc

    def make(text: str) -> Any:
        order.append(text)
        if len(order) == 1:
            held.set()
            while reader._turns.waiting < 2:
                time.sleep(0.001)
        return make_doc(text)

    monkeypatch.setattr(trained, "make_doc", make)
    monkeypatch.setattr(reading, "PIECE", 30)
    long = Thread(
        target=reader.read, args=("Tom Hale was born in Wick . " * 4,), kwargs={"threshold": 0.5, "rounds": 0}
    )
    long.start()
    assert held.wait(60)
    (doc,) = reader.read("Ada Brook leads Orbix .", threshold=0.0, rounds=0)
    assert doc.text == "Ada Brook leads Orbix ."
    long.join(60)
    assert [text[:3] for text in order] == ["Tom", "Ada", "Tom", "Tom", "Tom"]


def test_visitor_who_waits_does_not_hold_up_others(trained: Language) -> None:
    """A long text whose visitor's page is slow, or gone, keeps nobody waiting."""
    reader, stopped, go_on = RoundsReader(trained), Event(), Event()

    def stop(share: float) -> None:
        stopped.set()
        assert go_on.wait(60)

    results: list[Any] = []
    text = "Ada Brook was born in Larne . " * 400
    long = Thread(target=lambda: results.extend(reader.read(text, threshold=0.5, rounds=0, progress=stop)), daemon=True)
    long.start()
    assert stopped.wait(60)
    assert names(reader.read(TEXT, threshold=0.5, rounds=3)[-1]) == TRIPLES
    assert long.is_alive() and not results
    go_on.set()
    long.join(60)
    assert [doc.text for doc in results] == [text]


def test_words_of_visitors_are_forgotten(trained: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read can be used, but the vocabulary does not grow."""
    reader = RoundsReader(trained)
    monkeypatch.setattr(reading, "PIECE", 60)
    before = len(trained.vocab.strings)
    results = {}
    for name in ("Zorvab", "Quixel", "Plimth"):
        results[name] = reader.read(f"{TEXT} {name} leads {name}1 {name}2 .", threshold=0.5, rounds=1)
    assert len(trained.vocab.strings) == before and "Zorvab" not in trained.vocab.strings
    for name, docs in results.items():
        assert [doc.text for doc in docs] == [f"{TEXT} {name} leads {name}1 {name}2 ."] * 2
        assert f">{name} leads {name}1 {name}2 .<" in view.render(docs[-1], jupyter=False)


def test_copy_is_drawn_like_the_doc_of_the_pipeline() -> None:
    for lang, pipes in (("en", ["sentencizer"]), ("en", []), ("he", [])):
        nlp = spacy.blank(lang)
        for pipe in pipes:
            nlp.add_pipe(pipe)
        doc = nlp("Ada lives in Larne. \n Tom leads Orbix!")
        spans = [
            spacy.tokens.Span(doc, start, start + 1, label=label) for start, label in ((0, "A"), (3, "B"), (3, "C"))
        ]
        doc.ents, doc.spans["rin"] = spans[:2], spans
        set_relations(doc, [(spans[0], "r", spans[1], 0.5), (spans[2], "s", spans[0], 1.0)])
        copy = reading.copy_doc(doc, spacy.blank(lang).vocab, "relations", "rin")
        assert view.render(copy, jupyter=False) == view.render(doc, jupyter=False)
        assert view.render(copy, "graph", jupyter=False) == view.render(doc, "graph", jupyter=False)


def test_text_that_a_tokenizer_is_slow_at_has_a_fault(trained: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RoundsReader(trained)
    assert reader.fault(TEXT) == "" and "punctuation" in reader.fault(TEXT + "(" * 1001)
    monkeypatch.setattr(trained, "tokenizer", lambda text: spacy.tokens.Doc(trained.vocab, words=text.split()))
    assert reader.fault("(" * 1001) == ""


def test_turns_go_on_after_an_error() -> None:
    turns = Turns()
    with pytest.raises(RuntimeError), turns.take():
        assert turns.waiting == 1
        raise RuntimeError
    assert turns.waiting == 0
    with turns.take():
        assert turns.waiting == 1


def test_example_is_in_the_language_of_the_pipeline() -> None:
    examples = {}
    for lang in ("en", "xx", "de", "is"):  # spaCy has no examples for the last
        nlp = spacy.blank(lang)
        nlp.add_pipe("rin_joint")
        examples[lang] = RoundsReader(nlp).example
    assert examples["en"] == examples["xx"] == examples["is"] == reading.EXAMPLE
    assert examples["de"] != reading.EXAMPLE and examples["de"].strip()


def test_pipeline_without_rin_joint_is_refused(nlp: Language) -> None:
    nlp.add_pipe("sentencizer")
    with pytest.raises(ValueError, match="R018"):
        RoundsReader(nlp)


def test_component_by_another_name_and_attribute() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("rin_joint", name="facts", config={"attr": "facts", "spans_key": "ents"})
    reader = RoundsReader(nlp)
    assert (reader.attr, reader.spans_key, reader.rounds, reader.thresholds) == ("facts", "ents", 3, {})
    spacy.tokens.Doc.remove_extension("facts")


# The page, without a browser


@pytest.fixture
def page(trained: Language, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The page as Streamlit's own test runner sees it."""
    testing = pytest.importorskip("streamlit.testing.v1")
    reader = RoundsReader(trained)
    monkeypatch.setattr(view, "_served", [reader])
    # Streamlit puts its script there, and processes that tests after this one start would run it.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    page = testing.AppTest.from_file(str(view.SCRIPT), default_timeout=60).run()
    assert not page.exception
    return page


def button(page: Any, label: str) -> Any:
    return next(button for button in page.button if button.label == label)


def run_text(page: Any, text: str) -> None:
    page.text_area[0].input(text)
    button(page, "Run").click().run()


def triples(page: Any) -> Any:
    if not page.dataframe:
        return set()
    table = page.dataframe[0].value
    return set(zip(table["subject"], table["relation"], table["object"]))


def html(page: Any) -> Any:
    return [element.proto.body for element in page.get("html")]


def rows(page: Any) -> Any:
    """The table of rounds: its header, and the cells of each row by its name."""
    (markup,) = html(page)
    head, *body = ([cell.text or "" for cell in row] for row in ElementTree.fromstring(markup).iter("tr"))
    return head[1:], {name: cells for name, *cells in body}


def test_page_shows_triples_and_rounds(page: Any) -> None:
    assert not page.error and "Type a text" in page.info[0].value
    run_text(page, TEXT)
    assert not page.exception and triples(page) == TRIPLES
    head, body = rows(page)
    assert [name.split(" (")[0] for name in head] == ["after 0", "after 1", "after 2", "after 3"]
    last = {name: cells[-1] for name, cells in body.items()}
    assert set(last) >= {"Ada Brook – born_in → Larne", "Ada Brook – founded → Nimbus"}
    assert float(last["Ada Brook – born_in → Larne"]) > 0.5
    # The header counts what the cells show.
    for number in range(1, 4):
        gained = sum(cells[number] != "–" and cells[number - 1] == "–" for cells in body.values())
        lost = sum(cells[number] == "–" and cells[number - 1] != "–" for cells in body.values())
        assert head[number] == f"after {number}" + (f" (+{gained} −{lost})" if gained or lost else "")


def test_page_follows_its_settings(page: Any) -> None:
    run_text(page, TEXT)
    threshold, rounds = page.slider
    assert (threshold.value, rounds.value, rounds.max) == (0.5, 3, 3 + view.MORE_ROUNDS)
    threshold.set_value(1.0).run()
    assert triples(page) == set() and "No relations" in page.info[0].value
    page.slider[0].set_value(0.5).run()
    page.slider[1].set_value(5).run()
    assert len(rows(page)[0]) == 6
    page.slider[1].set_value(0).run()
    assert html(page) == [] and not page.exception


@pytest.mark.parametrize("text", ["", " \n\t ", "\x00\x0b", "x" * 6000, "Ada Brook was born in Larne . " * 180])
def test_page_takes_any_text(page: Any, text: Any) -> None:
    run_text(page, text)
    assert not page.exception and not page.error
    drawn = [caption.value for caption in page.caption if "are drawn" in caption.value]
    assert len(drawn) == (len(text) > view.MAX_DRAWN)


def test_page_draws_no_graph_of_too_many_triples(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run_text(page, TEXT)
    assert "Graph" in [header.value for header in page.subheader] and not page.info
    monkeypatch.setattr(view, "MAX_TRIPLES", 1)
    run_text(page, f"{TEXT} ")
    assert triples(page) == TRIPLES and "higher threshold" in page.info[0].value


def test_page_has_an_example_and_the_path_of_the_pipeline(trained: Language, page: Any, tmp_path: Path) -> None:
    assert [code.value for code in page.code] == [view._served[0].path]
    button(page, "Example").click().run()
    assert page.text_area[0].value == reading.EXAMPLE and not page.exception and not page.error
    trained.to_disk(tmp_path / "best")
    assert RoundsReader(spacy.load(tmp_path / "best")).path == str(tmp_path / "best")
    assert RoundsReader(trained).path == "en_pipeline"


def test_page_refuses_a_text_that_would_keep_others_waiting(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view._served[0], "read", lambda *args, **kwargs: pytest.fail("it was read"))
    run_text(page, TEXT + " " + "(" * 20_000)
    assert not page.exception and not page.dataframe
    assert "can't be read" in page.error[0].value and "punctuation marks" in page.error[0].value


def test_page_tells_that_a_long_text_is_read_in_pieces(page: Any) -> None:
    run_text(page, "Ada Brook was born in Larne . " * 170)
    assert any("in pieces" in caption.value for caption in page.caption)
    run_text(page, TEXT)
    assert not any("in pieces" in caption.value for caption in page.caption)


def test_page_hides_what_errors_say_of_the_machine(
    page: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(text: str, **settings: Any) -> None:
        raise FileNotFoundError(2, f"No such file: {text}", "/srv/secret/vectors")

    monkeypatch.setattr(view._served[0], "read", fail)
    run_text(page, "<b>x</b>\n\x1b[2J2026 ok")
    assert not page.exception and page.error
    shown = str([(element.type, str(getattr(element, "value", ""))) for element in page.main])
    assert "FileNotFoundError" in shown and "secret" not in shown and not page.dataframe
    assert "/srv/secret/vectors" in caplog.text and "Traceback" in caplog.text
    # A visitor can neither control the terminal that the log is shown in, nor begin a line of the log.
    assert "\x1b" not in caplog.text and "\n2026" not in caplog.text


def test_table_of_rounds_escapes_names(trained: Language) -> None:
    doc = trained.make_doc("<b>Ada</b> & Orbix")
    doc.ents = [spacy.tokens.Span(doc, 0, len(doc), label="<i>")]
    markup = to_html(view._rounds_table([trained.make_doc("x"), doc], RoundsReader(trained)))
    assert "<b>" not in markup and "<i>" not in markup
    cells = [cell.text for cell in ElementTree.fromstring(markup).iter("td")]
    assert cells == ["<b>Ada</b> & Orbix (<i>)", "–", "✓"]


# The command


def run(*args: Any) -> Any:
    return CliRunner().invoke(app, ["rin", "serve", *map(str, args)], env={"COLUMNS": "300"})


def test_serve_refuses_what_it_cannot_serve(
    model: Path, nlp: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(tmp_path / "none")
    assert result.exit_code == 1 and "[R015]" in result.output
    nlp.to_disk(tmp_path / "blank")
    result = run(tmp_path / "blank")
    assert result.exit_code == 1 and "[R018]" in result.output
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "streamlit.web", None)
        result = run(model)
        assert result.exit_code == 1 and "[R060]" in result.output and "spacy-rin[serve]" in result.output
    pytest.importorskip("streamlit")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run(model, "--port", taken.getsockname()[1])
        assert result.exit_code == 1 and "[R074]" in result.output
    for host in ("nowhere.invalid", "a..b", "x" * 70):
        result = run(model, "--host", host)
        assert result.exit_code == 1 and "[R074]" in result.output
    assert view._served == []


# The page in a browser


@pytest.fixture(scope="module")
def outside() -> Any:
    """What stands for all that is outside of this machine: a proxy that nothing should connect to."""
    with socket.socket() as proxy:
        proxy.bind(("127.0.0.1", 0))
        proxy.listen()
        proxy.settimeout(3)
        yield proxy


@pytest.fixture(scope="module")
def address(model: Path, outside: Any) -> Any:
    pytest.importorskip("streamlit")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "spacy", "rin", "serve", str(model), "--port", str(port)]
    proxy = f"http://127.0.0.1:{outside.getsockname()[1]}"
    environment = {**os.environ, "http_proxy": proxy, "https_proxy": proxy}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            time.sleep(0.25)
            assert server.poll() is None, server.stdout.read()
            try:
                with urllib.request.urlopen(f"{url}/_stcore/health"):
                    break
            except OSError:
                continue
        yield url
    finally:
        server.terminate()
        output = server.communicate(timeout=20)[0]
    assert "Traceback" not in output, output


def connect(address: str, host: str, origin: str) -> Any:
    """Ask for the connection of a page, as a browser does, and return the status."""
    port = int(address.rsplit(":", 1)[1])
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": origin, "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    lines = [f"{name}: {value}" for name, value in {"Host": f"{host}:{port}", **headers}.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join(["GET /_stcore/stream HTTP/1.1", *lines, "", ""]).encode())
        return int(connection.recv(64).split()[1])


def test_foreign_pages_are_refused_and_nobody_is_asked(address: Any, outside: Any) -> None:
    """Also if their name leads to this machine."""
    port = address.rsplit(":", 1)[1]
    for host in ("127.0.0.1", "localhost"):
        assert connect(address, host, f"http://{host}:{port}") == 101
    assert connect(address, "127.0.0.1", "http://foreign.example") == 403
    assert connect(address, "foreign.example", f"http://foreign.example:{port}") == 403
    with pytest.raises(TimeoutError):
        outside.accept()


@pytest.fixture
def tab(address: Any) -> Any:
    """A tab of a browser with the page, and the hosts that it talked to."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("There is no Chromium")
    with playwright.sync_playwright() as runner:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = runner.chromium.launch(executable_path=CHROMIUM, args=flags)
        tab = browser.new_page()
        tab.set_default_timeout(20_000)
        tab.requested = []
        tab.on("request", lambda request: tab.requested.append(request.url))
        tab.goto(address)
        yield tab
        browser.close()


def type_text(tab: Any, text: str) -> None:
    field = tab.get_by_label("Text", exact=True)
    field.fill(text)
    tab.get_by_role("button", name="Run").click()


def pictures(tab: Any) -> Any:
    """The pictures on the page."""
    sources = [image.get_attribute("src") for image in tab.locator("[data-testid=stImage] img").all()]
    return [base64.b64decode(source.split("base64,")[1]).decode("utf8") for source in sources]


def test_type_a_text_and_move_the_sliders(tab: Any) -> None:
    type_text(tab, TEXT)
    triple = tab.get_by_text("Ada Brook – born_in → Larne")
    triple.wait_for()
    assert tab.locator(".rin-rounds th").count() == 5
    arcs, graph = pictures(tab)
    assert arcs.count('data-label="born_in"') == 1 and graph.count('data-label="founded"') == 1
    threshold, rounds = tab.get_by_role("slider").all()
    rounds.focus()
    rounds.press("ArrowLeft")
    tab.get_by_text(re.compile("after 3")).wait_for(state="detached")
    assert tab.locator(".rin-rounds th").count() == 4
    threshold.focus()
    threshold.press("End")
    tab.get_by_text("No relations were found").wait_for()
    triple.wait_for(state="detached")
    assert 'class="rin-relation"' not in pictures(tab)[0]


def test_hostile_text_is_text(tab: Any, address: Any) -> None:
    type_text(tab, HOSTILE)
    tab.get_by_text("Ada Brook – born_in → Larne").wait_for()
    picture = pictures(tab)[0]
    shown = "".join(e.text for e in ElementTree.fromstring(picture).iter() if e.get("class") == "rin-text")
    assert shown == HOSTILE
    tab.wait_for_timeout(500)
    assert tab.evaluate("window.hacked") is None
    assert all(url.startswith((address, address.replace("http", "ws"), "data:", "blob:")) for url in tab.requested)
