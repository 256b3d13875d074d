"""Texts that belong together."""

from collections.abc import Hashable, Iterable


def link_texts(traits: Iterable[Iterable[Hashable]]) -> list[int]:
    """Group texts, so that two texts with a common trait are in one group, directly or through other texts.

    Args:
        traits (Iterable[Iterable[Hashable]]): The traits of each text, such as its source or the facts that it states.

    Returns:
        list[int]: The group of each text: the lowest index of its texts.
    """
    links: list[int] = []  # of each text to another one of its group, with a lower index; or to itself
    first: dict[Hashable, int] = {}

    def find(text: int) -> int:
        while links[text] != text:
            links[text] = links[links[text]]
            text = links[text]
        return text

    for text, own in enumerate(traits):
        links.append(text)
        for trait in own:
            lower, higher = sorted((find(first.setdefault(trait, text)), find(text)))
            links[higher] = lower
    return [find(text) for text in range(len(links))]
