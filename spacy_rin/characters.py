"""Characters that other programs can't hold or show, and runs of them that tokenizers are slow at."""

import re
import unicodedata

# A tokenizer by rules takes signs off a word one at a time, and reads the rest of the word again for each.
MAX_SIGNS = 1000

_RUN = re.compile(r"\S+")
# Characters that control a terminal, end a line, change the direction of what follows, or can't be encoded.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_unicode(text: str) -> bool:
    """Whether a text has no surrogates, which come from undecodable bytes or unpaired escapes in JSON."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def without_controls(text: str) -> str:
    """Replace what would control a terminal, and what is no Unicode, by blanks: a text of users can hold anything.

    Args:
        text (str): Any text.

    Returns:
        str: What can be shown or logged, on one line.
    """
    return _CONTROL.sub(" ", text)


def slow_run(text: str) -> str:
    """Find what a tokenizer by rules would need very long for: a run of very many signs without a blank.

    Letters and digits don't count, so scripts that are written without blanks have no limit.

    Args:
        text (str): The text.

    Returns:
        str: What is wrong with the text; empty if it is fine.
    """
    if len(text) <= MAX_SIGNS or max(map(len, text.split()), default=0) <= MAX_SIGNS:
        return ""
    for match in _RUN.finditer(text):
        if len(match[0]) > MAX_SIGNS and sum(unicodedata.category(c)[0] in "PS" for c in match[0]) > MAX_SIGNS:
            return (
                f"there are more than {MAX_SIGNS:,} punctuation marks or symbols without a blank between them, at "
                f"character {match.start():,}, which the tokenizer would need very long for. Remove them, or put "
                "blanks between them"
            )
    return ""
