"""The figures that the papers report, and what they claim by them.

Sun et al., EMNLP 2020 (tables 1 and 5); Sun et al., arXiv 2005.00162, version 1 (tables 1, 4 and 5; partial match, the
rows on a transformer with BERT); Yu et al., AAAI 2021 (table 1; the paper does not say by which match, so the same
figures stand beside both).
"""

from typing import Any, NamedTuple

Figure = dict[str, Any]  # "mean" and "std", in percent; std is None if it is not known

_INTERACTIVE = {"webnlg": "59.2 61.3 60.2", "nyt": "78.2 69.1 73.3"}
_COPYMTL = {"webnlg": "58.0 54.9 56.4", "nyt": "75.7 68.7 72.0"}
_RIN = {
    "webnlg": "77.3±0.7 76.8±1.0 77.0±0.2",
    "webnlg_star": "87.6±0.1 87.0±0.9 87.3±0.4",
    "nyt": "83.9±0.5 85.5±0.5 84.7±0.4",
    "nyt_star": "87.2±0.2 87.3±0.3 87.3±0.1",
}

_RIN_K0 = {
    "webnlg": "75.0±1.1 73.3±0.7 74.2±0.3",
    "webnlg_star": "84.9±0.6 86.3±0.8 85.6±0.3",
    "nyt": "77.4±1.1 76.4±0.7 76.9±0.3",
    "nyt_star": "83.9±0.6 83.1±0.6 83.5±0.2",
}

# By variant and data set: precision, recall and F1 of test, or F1 alone.
_TRIPLES: dict[str, dict[str, str]] = {
    "rin": _RIN,
    "paper_settings": _RIN,
    "paper_settings_k0": _RIN_K0,
    "k0": _RIN_K0,
    "without_er": {"webnlg": "76.4", "nyt": "83.9"},
    "without_rc": {"webnlg": "76.0", "nyt": "77.3"},
    "without_pos": {"webnlg": "76.6", "nyt": "84.1"},
    "int_k1": {"webnlg_star": "86.7 86.0 86.3", "nyt_star": "81.0 82.0 81.5"},
    "int": {"webnlg_star": "86.0 88.0 87.0", "nyt_star": "81.1 83.2 82.1"},
    "int_k5": {"webnlg_star": "86.1 87.6 86.8", "nyt_star": "82.2 82.6 82.4"},
    "int_paper_settings": {"webnlg_star": "86.0 88.0 87.0", "nyt_star": "81.1 83.2 82.1"},
    "int_transformer_k1": {"webnlg_star": "89.1 90.3 89.7", "nyt_star": "88.5 86.5 87.5"},
    "int_transformer_k2": {"webnlg_star": "90.0 90.3 90.1", "nyt_star": "88.4 87.1 87.8"},
    "int_without_relations": {"webnlg_star": "85.5", "nyt_star": "78.4"},
    "int_without_entities": {"webnlg_star": "85.7", "nyt_star": "80.9"},
    "int_without_features": {"webnlg_star": "85.9", "nyt_star": "81.2"},
    "int_linear": {"webnlg_star": "84.9", "nyt_star": "77.8"},
    "bilstm_s": {"webnlg_star": "85.0 85.8 85.4", "nyt_star": "78.1 78.0 78.1"},
    "bilstm": {"webnlg_star": "84.9 86.3 85.6", "nyt_star": "79.0 77.4 78.2"},
    "interactive": {**_INTERACTIVE, **{f"{name}_star": value for name, value in _INTERACTIVE.items()}},
    "copymtl_mul": {**_COPYMTL, **{f"{name}_star": value for name, value in _COPYMTL.items()}},
}

# F1 of entities.
_ENTITIES: dict[str, dict[str, str]] = {
    "bilstm": {"nyt_star": "87.3"},
    "bilstm_s": {"nyt_star": "87.6"},
    "int_k1": {"nyt_star": "90.1"},
    "int_k5": {"nyt_star": "90.9"},
}

# Systems of other authors, as the papers quote them. None of them is run here.
_GRAPHREL_1P = {"webnlg": "42.3 39.2 40.7", "nyt": "62.9 57.3 60.0"}
_GRAPHREL_2P = {"webnlg": "44.7 41.1 42.9", "nyt": "63.9 60.0 61.9"}
OTHERS: dict[str, dict[str, str]] = {
    "NovelTagging (Zheng et al. 2017)": {"webnlg": "52.5 19.3 28.3", "nyt": "62.4 31.7 42.0"},
    "OneDecoder (Zeng et al. 2018)": {"webnlg_star": "32.2 28.9 30.5", "nyt_star": "59.4 53.1 56.0"},
    "MultiDecoder (Zeng et al. 2018)": {"webnlg_star": "37.7 36.4 37.1", "nyt_star": "61.0 56.6 58.7"},
    "GraphRel, one phase (Fu et al. 2019)": _GRAPHREL_1P,
    "GraphRel, two phases (Fu et al. 2019)": _GRAPHREL_2P,
    "OrderRL (Zeng et al. 2019)": {"webnlg_star": "63.3 59.9 61.6", "nyt_star": "77.9 67.2 72.1"},
    "CasRel on BERT (Wei et al. 2019)": {"webnlg_star": "89.5 88.0 88.8", "nyt_star": "89.7 85.4 87.5"},
    "CopyMTL-One (Zeng et al. 2020)": {"webnlg": "57.8 60.1 58.9", "nyt": "72.7 69.2 70.9"},
    "CopyMTL-Mul (Zeng et al. 2020)": _COPYMTL,
}


WEBNLG, NYT = ("webnlg", "webnlg_star"), ("nyt", "nyt_star")


class Claim(NamedTuple):
    """A claim of a paper that one variant scores higher than another.

    Attributes:
        better (str): The variant that is claimed to be better.
        worse (str): The other variant.
        only (tuple[str, ...]): The data sets that the claim is about.
        kind (str): What is scored: "rel" for triples, "ents" for entities.
    """

    better: str
    worse: str
    only: tuple[str, ...] = (*WEBNLG, *NYT)
    kind: str = "rel"


CLAIMS = [
    # Sun et al., EMNLP 2020, sections 5.3 to 5.5
    Claim("rin", "k0"),
    Claim("paper_settings", "paper_settings_k0"),
    Claim("k1", "k0", only=("webnlg_star", "nyt_star")),
    Claim("k2", "k1", only=("nyt",)),
    Claim("rin", "without_er"),
    Claim("rin", "without_rc"),
    Claim("without_er", "without_rc"),
    Claim("without_rc", "k0"),
    # Sun et al., arXiv 2005.00162, sections 5.2 to 5.4
    Claim("int_k1", "bilstm"),
    Claim("int_k1", "bilstm_s"),
    Claim("int", "int_k1"),
    Claim("int_k5", "int_k1"),
    Claim("int", "int_k5", only=WEBNLG),
    Claim("int_k5", "int", only=NYT),
    # The figure that shows these has no numbers.
    Claim("int_k1", "int_rnn"),
    Claim("int", "int_rnn_k3"),
    Claim("int_k5", "int_rnn_k5"),
    Claim("int_rnn", "bilstm_s"),
    Claim("int_k1", "int_without_relations"),
    Claim("int_k1", "int_without_entities"),
    Claim("int_k1", "int_without_features"),
    Claim("int_without_features", "int_without_relations"),
    Claim("int_without_features", "int_without_entities"),
    *(Claim(f"int_without_{part}", "bilstm_s", only=NYT) for part in ("relations", "entities", "features")),
    Claim("bilstm_s", "int_linear"),
    Claim("int_transformer_k1", "int_k1"),
    Claim("int_transformer_k2", "int_transformer_k1"),
    Claim("int_k1", "bilstm", only=NYT, kind="ents"),
    Claim("int_k1", "bilstm_s", only=NYT, kind="ents"),
    Claim("int_k5", "int_k1", only=NYT, kind="ents"),
    # Yu et al., AAAI 2021, section 4
    Claim("interactive", "copymtl_mul"),
]

# The rows of one table of a paper, whose order is compared with ours.
RANKED = {
    "Sun et al., EMNLP 2020": ["rin", "without_er", "without_rc", "without_pos", "k0"],
    "Sun et al., arXiv 2005.00162": [
        *("int_k1", "int", "int_k5", "int_without_relations", "int_without_entities", "int_without_features"),
        *("int_linear", "bilstm_s", "bilstm"),
    ],
}


def published(variant: str, data_set: str) -> dict[str, Figure | None]:
    """Get the figures that a paper reports for a variant.

    Args:
        variant (str): Name of the variant.
        data_set (str): Name of the data set.

    Returns:
        dict[str, Figure | None]: Precision "p", recall "r" and F1 "f" of triples, and F1 of entities, "ents"; None
            where there is no figure.
    """
    figures = parse_prf(_TRIPLES.get(variant, {}).get(data_set, ""))
    entities = _ENTITIES.get(variant, {}).get(data_set, "")
    return {**figures, "ents": _parse(entities) if entities else None}


def parse_prf(text: str) -> dict[str, Figure | None]:
    """Parse "P R F1" or "F1", each with or without "±" and a standard deviation."""
    figures: dict[str, Figure | None] = dict.fromkeys("prf")
    return figures | dict(zip("frp", map(_parse, reversed(text.split()))))


def _parse(text: str) -> Figure:
    mean, _, std = text.partition("±")
    return {"mean": float(mean), "std": float(std) if std else None}
