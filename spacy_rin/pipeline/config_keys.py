"""Names of relations and types in a config, which can't hold all of them."""

from collections.abc import Mapping
from typing import Any

import srsly
from spacy.util import registry
from thinc.api import Config


def fits_config(table: Mapping[str, Any]) -> bool:
    """Whether a config gives a table back as it was written. Keys with ":", "=" or a dot and values with "$" are among
    those that it reads as something else.

    Args:
        table (Mapping[str, Any]): Values for JSON, by relation.

    Returns:
        bool: Whether it does.
    """
    written = {"table": srsly.json_loads(srsly.json_dumps(table))}
    try:
        text = Config(written).to_str()
        # spaCy reads a config without filling in variables, and fills them in later.
        return all(registry.resolve(Config().from_str(text, interpolate=fill)) == written for fill in (False, True))
    except Exception:  # configs fail in many ways
        return False
