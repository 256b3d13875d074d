"""How annotation tools are told which labels there are."""

import shlex
from pathlib import Path
from xml.sax.saxutils import quoteattr

from spacy.language import Language

from ..convert.export_forms import LABEL_STUDIO_NAMES
from ..pipeline.component import RINJoint, find_component


def hint(nlp: Language, path: str | Path, format: str) -> str:
    """Say how tasks are opened in their tool, with the labels of a pipeline.

    Args:
        nlp (Language): A pipeline with a "rin_joint".
        path (str | Path): The file or folder of the tasks.
        format (str): "prodigy", "label_studio" or "brat".

    Returns:
        str: What to type or paste, after a line that says where.
    """
    _, pipe = find_component(nlp)
    if format == "prodigy":
        options = {"--label": pipe.relation_labels, "--span-label": pipe.entity_labels}
        labels = [part for name, values in options.items() for part in (name, ",".join(values))]
        command = ["prodigy", "rel.manual", "DATASET", f"blank:{nlp.lang}", str(path), *labels]
        return f"Correct them with:\n{shlex.join(command)}"
    if format == "label_studio":
        return "\n".join(["Labeling interface of the project:", *_interface(pipe)])
    return "Copy the folder into the data folder of brat. Its annotation.conf has the labels."


def _interface(pipe: RINJoint) -> list[str]:
    """Write the interface of Label Studio, with the names that the tasks have for its controls."""
    label, text = LABEL_STUDIO_NAMES["from_name"], LABEL_STUDIO_NAMES["to_name"]
    return [
        "<View>",
        "  <Relations>",
        *(f"    <Relation value={quoteattr(name)}/>" for name in pipe.relation_labels),
        "  </Relations>",
        f'  <Labels name="{label}" toName="{text}">',
        *(f"    <Label value={quoteattr(name)}/>" for name in pipe.entity_labels),
        "  </Labels>",
        f'  <Text name="{text}" value="${text}"/>',
        "</View>",
    ]
