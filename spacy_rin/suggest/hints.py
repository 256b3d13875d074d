"""The labels that an annotation tool offers, and how it is told them."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from spacy.language import Language

from ..convert.export_forms import LABEL_STUDIO_NAMES
from ..pipeline.component import find_component

Labels = Mapping[str, Sequence[str]]


def offered_labels(nlp: Language) -> Labels:
    """Get the labels that a person can choose from: those that the pipeline can set.

    Args:
        nlp (Language): A pipeline with a "rin_joint".

    Returns:
        Labels: "entities", also those of other components such as an "ner", and "relations".
    """
    _, pipe = find_component(nlp)
    entities = dict.fromkeys(pipe.entity_labels)
    for name, labels in nlp.pipe_labels.items():
        if name != pipe.name and "doc.ents" in nlp.get_pipe_meta(name).assigns:
            entities.update(dict.fromkeys(getattr(nlp.get_pipe(name), "entity_labels", labels)))
    return {"entities": list(entities), "relations": list(pipe.relation_labels)}


def hint(labels: Labels, path: str | Path, format: str, lang: str) -> str:
    """Say how tasks are opened in their tool, with the labels.

    Args:
        labels (Labels): What `offered_labels` returns.
        path (str | Path): The file or folder of the tasks.
        format (str): "prodigy", "label_studio" or "brat".
        lang (str): Language of the texts, e.g. "en".

    Returns:
        str: What to type or paste, after a line that says where.
    """
    if format == "prodigy":
        options = {"--label": labels["relations"], "--span-label": labels["entities"]}
        # Prodigy cuts a list at its commas, but reads a file line by line.
        files = {name: f"{name[2:]}s.txt" for name, values in options.items() if any("," in label for label in values)}
        parts = [part for name, values in options.items() for part in (name, files.get(name, ",".join(values)))]
        command = shlex.join(["prodigy", "rel.manual", "DATASET", f"blank:{lang}", str(path), "--wrap", *parts])
        lines = [
            f"Write these labels to {file}, one on each line:\n" + "\n".join(options[n]) for n, file in files.items()
        ]
        return "\n".join([*lines, "Correct the tasks with:", command])
    if format == "label_studio":
        return "\n".join(["Labeling interface of the project:", *_interface(labels)])
    return "Copy the folder into the data folder of brat. Its annotation.conf has the labels."


def _interface(labels: Labels) -> list[str]:
    """Write the interface of Label Studio, with the names that the tasks have for its controls."""
    label, text = LABEL_STUDIO_NAMES["from_name"], LABEL_STUDIO_NAMES["to_name"]
    return [
        "<View>",
        "  <Relations>",
        *(f"    <Relation value={quoteattr(name)}/>" for name in labels["relations"]),
        "  </Relations>",
        f'  <Labels name="{label}" toName="{text}">',
        *(f"    <Label value={quoteattr(name)}/>" for name in labels["entities"]),
        "  </Labels>",
        f'  <Text name="{text}" value="${text}"/>',
        "</View>",
    ]
