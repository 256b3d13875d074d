"""The content of the page, and the server.

Text from visitors and pipelines is not trusted. It is shown only by elements that don't interpret Markdown or HTML:
pictures, tables and code blocks.
"""

import logging
import os
import socket
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..characters import without_controls
from ..errors import Errors, MissingPackageError, RinError
from ..files import reason_of
from ..markup import element, to_html
from ..relations import get_relations
from ..visualize import render
from .reader import PIECE, RoundsReader
from .rounds import found_by_round, rows_of

SCRIPT = Path(__file__).with_name("script.py")
MAX_TEXT = 100_000  # longest text that a visitor may type, in characters
MAX_DRAWN = 5_000  # longest text that is drawn, in characters: longer pictures are slow and hard to read
MAX_TRIPLES = 300  # most triples that are drawn as a graph
MAX_ROWS = 200  # in the table of rounds
MORE_ROUNDS = 3  # rounds that the page offers beyond those of the pipeline
# Names of this machine. A page on a foreign name that leads to this machine is not let in.
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
CELL, NEW, GONE = "padding: 3px 10px", "; color: #14532d; background: #d3f2da", "; color: #7f1d1d; background: #fbdcdc"


# The reader for `script.py`. Streamlit runs the script in this process, but can't pass arguments to it.
_served: list[RoundsReader] = []


def serve(nlp: Language, *, host: str = "127.0.0.1", port: int = 8501) -> None:
    """Serve a page that shows the entities and relations of any text, until the process is interrupted.

    Args:
        nlp (Language): A pipeline with a trained "rin_joint".
        host (str): Address to listen on. Use "0.0.0.0" to allow access from other machines.
        port (int): Port to listen on.

    Raises:
        RinError: R018 if the pipeline has no "rin_joint", R074 if the port is in use or not allowed.
        MissingPackageError: R060 if Streamlit is not installed.
    """
    reader = RoundsReader(nlp)
    try:
        from streamlit import config
        from streamlit.web import cli
    except ImportError as err:
        raise MissingPackageError(Errors.R060, what="The page", package="streamlit", extra="serve") from err
    address = _check_port(host, port)
    options = {
        "global.developmentMode": "false",  # the default is a guess, which is wrong outside of site-packages
        "server.address": host,
        "server.port": port,
        "server.headless": "true",  # don't open a browser
        "server.fileWatcherType": "none",
        # Without an address, Streamlit would ask an external server for the address of this machine.
        "browser.serverAddress": "localhost" if host in ("0.0.0.0", "::") else host,
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",  # they would show paths of this machine
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    # Old versions of Streamlit don't have this option, and who has set it behind a proxy knows better.
    unset = config.get_options_for_section("server").get("allowedHosts") == []
    if ip_address(address).is_loopback and unset and "STREAMLIT_SERVER_ALLOWED_HOSTS" not in os.environ:
        arguments += [f"--server.allowedHosts={name}" for name in dict.fromkeys((*LOCAL_HOSTS, host))]
    # Streamlit would ask an external server for the address of this machine when a foreign page connects. There is no
    # option against that. Without an external address, such pages are refused all the same.
    with suppress(ImportError):  # another version may not have this module
        net_util = import_module("streamlit.net_util")
        vars(net_util)["get_external_ip"] = lambda: None
    _served.append(reader)
    try:
        cli.main(["run", str(SCRIPT), *arguments], standalone_mode=False)
    finally:
        _served.remove(reader)


def show() -> None:
    """Render the page for one visitor."""
    import streamlit as st

    reader = _served[-1]
    st.set_page_config(page_title=reader.name, layout="wide")
    st.title("Entities and relations")
    threshold, rounds = _settings(st, reader)
    text = _text(st, reader)
    if not text.strip():
        st.info("Type a text and press Run, or try the example.")
        return
    if reason := reader.fault(text):
        st.error(f"This text can't be read: {reason}.")
        return
    try:
        docs = _read(st, reader, text, threshold, rounds)
    except Exception as error:
        # Visitors don't see the message: it may name files of this machine.
        lines = "".join(traceback.format_exception(error)).splitlines()
        log = "".join(f"\n  {without_controls(line)}" for line in lines)  # it can have the text, which can be anything
        logging.getLogger(__name__).error("The pipeline failed%s", log)
        st.error("The pipeline failed on this text. The log of the server says why.")
        st.code(type(error).__name__, language=None)
        return
    _show_doc(st, docs[-1], reader)
    if rounds:
        st.subheader("Round by round")
        st.caption(
            "Entities and relations refine each other in rounds. Each column shows what the network has found after "
            "a round. Scores are probabilities. Green: found in this round. Red: lost in this round."
        )
        st.html(to_html(_rounds_table(docs, reader)))


def _settings(st: Any, reader: RoundsReader) -> tuple[float, int]:
    """Show the settings, and return the threshold and the number of rounds."""
    with st.sidebar:
        st.caption("Pipeline")
        st.code(reader.path, language=None, wrap_lines=True)
        lowest = min(0.01, reader.threshold)
        threshold = st.slider("Threshold", lowest, 1.0, reader.threshold, 0.01, help="Lowest probability of a relation")
        if reader.thresholds:
            st.caption(f"Relations with their own threshold, not affected by this slider: {len(reader.thresholds)}.")
        if not reader.rounds:
            return threshold, 0
        rounds = st.slider(
            "Rounds",
            0,
            reader.rounds + MORE_ROUNDS,
            reader.rounds,
            help=f"Rounds of interaction (K). The pipeline was trained with {reader.rounds}.",
        )
        return threshold, rounds


def _text(st: Any, reader: RoundsReader) -> str:
    """Show the field for the text, and return the text that was last run."""

    def fill_in() -> None:
        st.session_state["text"] = reader.example

    with st.form("form", border=False):
        text = st.text_area("Text", key="text", height=150, max_chars=MAX_TEXT, placeholder="Type or paste a text")
        with st.container(horizontal=True):
            st.form_submit_button("Run", type="primary", help="Ctrl+Enter does the same")
            st.form_submit_button("Example", on_click=fill_in, help="Fill in a text, and run it")
    return str(text)


def _read(st: Any, reader: RoundsReader, text: str, threshold: float, rounds: int) -> list[Doc]:
    if len(text) <= PIECE:
        return reader.read(text, threshold=threshold, rounds=rounds)
    st.caption(
        f"A text of more than {PIECE:,} characters is read in pieces, so that others don't have to wait for it. "
        "Relations between pieces are not found."
    )
    bar = st.progress(0.0, "Reading")
    docs = reader.read(text, threshold=threshold, rounds=rounds, progress=bar.progress)
    bar.empty()
    return docs


def _show_doc(st: Any, doc: Doc, reader: RoundsReader) -> None:
    # Visitors can choose another theme than that of their browser.
    theme = st.context.theme.type or "auto"
    options = {"attr": reader.attr, "spans_key": reader.spans_key, "theme": theme}
    relations = get_relations(doc, reader.attr)
    drawn = _first_part(doc)
    st.image(render(drawn, jupyter=False, options=options))
    if len(drawn) < len(doc):
        st.caption(
            f"The first {drawn.end_char:,} of {len(doc.text):,} characters are drawn. The table has all triples."
        )
    st.subheader("Triples")
    if not relations:
        st.info("No relations were found. Is the threshold too high?")
        return
    st.dataframe(
        {
            "subject": [relation.subject.text for relation in relations],
            "relation": [relation.label for relation in relations],
            "object": [relation.object.text for relation in relations],
            "score": [relation.score for relation in relations],
        },
        column_config={"score": st.column_config.ProgressColumn(format="%.3f", min_value=0.0, max_value=1.0)},
        hide_index=True,
    )
    st.subheader("Graph")
    if sum(max(subject.end, object_.end) <= drawn.end for subject, _, object_, _ in relations) > MAX_TRIPLES:
        st.info(
            f"More than {MAX_TRIPLES:,} triples are not drawn as a graph. Set a higher threshold, or a shorter text."
        )
        return
    st.image(render(drawn, "graph", jupyter=False, options=options))


def _first_part(doc: Doc) -> Span:
    """Get the part of a text that is drawn: whole tokens up to `MAX_DRAWN` characters, but at least one token."""
    end = next((token.i for token in doc if token.idx + len(token) > MAX_DRAWN), len(doc))
    return doc[: max(1, end)]


def _rounds_table(docs: Sequence[Doc], reader: RoundsReader) -> Element:
    """Create a table of what each round found, see `rows_of`."""
    found = found_by_round(docs, reader.attr)
    rows = rows_of(found)
    head = element("tr", element("th"))
    for number, now in enumerate(found):
        before = found[number - 1] if number else now
        changes = f" (+{len(now.keys() - before.keys())} −{len(before.keys() - now.keys())})"
        changed = now.keys() != before.keys()
        head.append(element("th", f"after {number}{changes if changed else ''}", style=CELL))
    body = []
    for key in rows[:MAX_ROWS]:
        row = element("tr", element("td", key.text, style=CELL))
        for number, now in enumerate(found):
            before = found[number - 1] if number else now
            color = "" if (key in now) == (key in before) else NEW if key in now else GONE
            row.append(element("td", now.get(key, "–"), style=f"{CELL}; text-align: center{color}"))
        body.append(row)
    if len(rows) > MAX_ROWS:
        body.append(element("tr", element("td", f"and {len(rows) - MAX_ROWS:,} more", style=CELL)))
    style = "border-collapse: collapse; font-size: 0.9rem"
    table = element("table", element("thead", head), element("tbody", *body), class_="rin-rounds", style=style)
    return element("div", table, style="overflow-x: auto")


def _check_port(host: str, port: int) -> str:
    """Check that the page can be served there, and return the IP address of the host."""
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as err:  # a name that can't be one of a host is no error of the system
        raise RinError(Errors.R074, host=host, port=port, reason=reason_of(err)) from err
    return str(address[0])
