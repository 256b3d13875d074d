"""Metadata and entry points."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "spacy_rin" / "__init__.py").read_text("utf8"))[1]

setup(
    name="spacy-rin",
    version=VERSION,
    description="Joint entity and relation extraction for spaCy with a Recurrent Interaction Network",
    long_description=(HERE / "README.md").read_text("utf8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    packages=find_packages(include=["spacy_rin", "spacy_rin.*"]),
    package_data={"spacy_rin": ["py.typed"]},
    python_requires=">=3.10,<3.14",
    install_requires=[
        "spacy>=3.8,<3.9",
        "thinc>=8.3.4,<8.4",
        "torch>=2.1",
        "numpy>=1.24",
        "safetensors>=0.4",
    ],
    extras_require={
        "transformers": ["spacy-transformers>=1.3.5,<1.4"],
        "plots": ["matplotlib>=3.7"],
        "parquet": ["pyarrow>=14"],
        "graph": ["rdflib>=7", "networkx>=3"],
        "serve": ["streamlit>=1.40"],
        "test": ["pytest>=7", "hypothesis>=6.80", "ruff>=0.6", "mypy>=1.10"],
    },
    entry_points={
        "spacy_factories": ["rin_joint = spacy_rin.pipeline.component:make_rin_joint"],
        "spacy_architectures": [
            "spacy_rin.RIN.v1 = spacy_rin.model.architectures:build_rin",
            "spacy_rin.RINInt.v1 = spacy_rin.model.architectures:build_rin_int",
            "spacy_rin.WordPosEmbed.v1 = spacy_rin.model.architectures:build_word_pos_embed",
            "spacy_rin.BiLSTMEncoder.v1 = spacy_rin.model.architectures:build_bilstm_encoder",
        ],
        "spacy_readers": ["spacy_rin.Corpus.v1 = spacy_rin.pipeline.corpus:create_corpus_reader"],
        "spacy_scorers": ["spacy_rin.rin_scorer.v1 = spacy_rin.evaluation.scorer:make_rin_scorer"],
        "spacy_cli": ["rin = spacy_rin.cli:rin_cli"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: MIT License",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Text Processing :: Linguistic",
    ],
)
