from typing import Any

import pytest

from spacy_rin.errors import SettingError
from spacy_rin.pipeline.constraints import UNCONSTRAINED, check_constraints, collect_types, constrain
from spacy_rin.pipeline.decode import ScoredTriple

TYPES = ("PERSON", "PLACE")
RELATIONS = ("born_in", "married_to")
ADA, BEN, CY = (0, 1, 0), (2, 3, 0), (4, 5, 0)
LARNE, WICK = (6, 7, 1), (8, 9, 1)


def kept(table: Any, *triples: tuple[Any, int, Any, float]) -> list[tuple[Any, int, Any, float]]:
    given = [ScoredTriple(*triple) for triple in triples]
    checked = check_constraints(table)
    constraints = [checked.get(label, UNCONSTRAINED) for label in RELATIONS]
    return [tuple(triple) for triple in constrain(given, constraints, TYPES)]


def test_types() -> None:
    table = {"born_in": {"types": [["PERSON", "PLACE"]]}}
    right, other = (ADA, 0, LARNE, 0.6), (LARNE, 1, ADA, 0.7)
    assert kept(table, right, other, (LARNE, 0, ADA, 0.9), (ADA, 0, BEN, 0.8)) == [right, other]
    assert kept({"born_in": {"types": []}}, right) == []
    assert kept({}, right) == kept({"born_in": {}}, right) == [right]


def test_one_object_and_one_subject() -> None:
    triples = [(ADA, 0, LARNE, 0.6), (ADA, 0, WICK, 0.9), (BEN, 0, WICK, 0.8)]
    assert kept({"born_in": {"one_object": True}}, *triples) == [triples[1], triples[2]]
    assert kept({"born_in": {"one_subject": True}}, *triples) == [triples[0], triples[1]]
    # The best triple of all takes its place first.
    assert kept({"born_in": {"one_object": True, "one_subject": True}}, *triples) == [triples[1]]
    assert kept({"married_to": {"one_object": True}}, *triples) == triples
    # Of two that are as good, the first in the text is kept.
    assert kept({"born_in": {"one_object": True}}, (ADA, 0, LARNE, 0.9), triples[1]) == [(ADA, 0, LARNE, 0.9)]


def test_symmetric() -> None:
    table = {"married_to": {"symmetric": True}}
    both = [(ADA, 1, BEN, 0.9), (BEN, 1, ADA, 0.9)]
    assert kept(table, (ADA, 1, BEN, 0.9)) == kept(table, (BEN, 1, ADA, 0.6), (ADA, 1, BEN, 0.9)) == both
    assert kept(table, (BEN, 1, ADA, 0.9), (ADA, 1, BEN, 0.6)) == both
    assert kept(table, (ADA, 0, LARNE, 0.5)) == [(ADA, 0, LARNE, 0.5)]
    # Types may be written in one direction.
    assert kept({"married_to": {"symmetric": True, "types": [["PLACE", "PERSON"]]}}, (ADA, 1, LARNE, 0.9)) == [
        (ADA, 1, LARNE, 0.9),
        (LARNE, 1, ADA, 0.9),
    ]
    # Ada and Ben belong together, so neither can have Cy.
    rivals = [(ADA, 1, BEN, 0.9), (BEN, 1, CY, 0.8), (CY, 1, ADA, 0.7)]
    for one in ("one_object", "one_subject"):
        assert kept({"married_to": {"symmetric": True, one: True}}, *rivals) == both


def test_asymmetric() -> None:
    table = {"married_to": {"asymmetric": True}}
    assert kept(table, (ADA, 1, BEN, 0.6), (BEN, 1, ADA, 0.7), (BEN, 1, CY, 0.5), (CY, 1, CY, 0.9)) == [
        (BEN, 1, ADA, 0.7),
        (BEN, 1, CY, 0.5),
    ]
    # Of two that are as good, the first in the text is kept. Other relations may go both ways.
    assert kept(table, (BEN, 1, ADA, 0.6), (ADA, 1, BEN, 0.6)) == [(ADA, 1, BEN, 0.6)]
    others = [(ADA, 0, BEN, 0.6), (BEN, 0, ADA, 0.6)]
    assert kept(table, *others) == others


def test_collected_table_is_sorted() -> None:
    triples = [("PERSON", "wrote", "WORK"), ("ORG", "wrote", "WORK"), ("PERSON", "led", "ORG")] * 2
    assert collect_types(triples) == {
        "led": {"types": [["PERSON", "ORG"]]},
        "wrote": {"types": [["ORG", "WORK"], ["PERSON", "WORK"]]},
    }
    assert check_constraints(collect_types(triples))["led"].types == {("PERSON", "ORG")}


@pytest.mark.parametrize(
    "table,name",
    [
        ([], "constraints"),
        ({"led": []}, "constraints.led"),
        ({"led": {"type": []}}, "constraints.led"),
        ({"led": {"types": ["PERSON"]}}, "constraints.led.types"),
        ({"led": {"types": [["PERSON", ""]]}}, "constraints.led.types"),
        ({"led": {"symmetric": "yes"}}, "constraints.led.symmetric"),
        ({"led": {"one_object": 1}}, "constraints.led.one_object"),
        ({"led": {"symmetric": True, "asymmetric": True}}, "constraints.led"),
    ],
)
def test_refuses(table: Any, name: str) -> None:
    with pytest.raises(SettingError, match=rf"R010.*'{name}'"):
        check_constraints(table)
