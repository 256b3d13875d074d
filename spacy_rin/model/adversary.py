"""Adversarial training: learning a batch also from embeddings that were moved to where the network errs more."""

from collections.abc import Callable
from typing import Any

from spacy.tokens import Doc
from thinc.api import Model, get_array_module
from thinc.types import Floats2d

Backprop = Callable[[list[Floats2d]], Any]


class Adversary:
    """Moves the embeddings of a batch in the direction in which the loss rises most (Miyato et al., ICLR 2017, eq. 5).

    The batch is read twice. The first gradient says where to move the embeddings, and the second time they are moved.
    They are computed once, and get the sum of both gradients.

    Args:
        share (float): How far the embeddings of a text are moved, as a share of their norm.
    """

    def __init__(self, share: float):
        self.share = share
        self._embedded: list[Floats2d] = []
        self._gradient: list[Floats2d] | None = None
        self._backprop: Backprop | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the gradient of the first time is known."""
        return self._gradient is not None

    def read(self, embed: Model[list[Doc], list[Floats2d]], docs: list[Doc]) -> tuple[list[Floats2d], Backprop]:
        """Compute the embeddings of the batch, or move them if the gradient is known.

        Args:
            embed (Model[list[Doc], list[Floats2d]]): The embedding layer.
            docs (list[Doc]): The batch, the same both times.

        Returns:
            tuple[list[Floats2d], Callable]: The embeddings, and the function that takes their gradient.
        """
        if self._gradient is None:
            self._embedded, self._backprop = embed(docs, True)
            return self._embedded, self._remember
        return [self._move(x, dx) for x, dx in zip(self._embedded, self._gradient)], self._finish

    def _move(self, x: Floats2d, dx: Floats2d) -> Floats2d:
        xp = get_array_module(x)
        norm = xp.linalg.norm(dx)
        moved: Floats2d = x + dx * (self.share * xp.linalg.norm(x) / xp.where(norm > 0, norm, 1))
        return moved

    def _remember(self, gradient: list[Floats2d]) -> None:
        self._gradient = gradient

    def _finish(self, gradient: list[Floats2d]) -> Any:
        if self._backprop is None or self._gradient is None:
            raise RuntimeError("the embeddings were not read before")
        return self._backprop([first + second for first, second in zip(self._gradient, gradient)])
