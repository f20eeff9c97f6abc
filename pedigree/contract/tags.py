"""Single tags of models and versions."""

from typing import Protocol

from pedigree._values import Key


class TagContract(Protocol):
    """Single tags of models and versions; ``update`` and ``update_model`` change several."""

    def set_tag(self, reference: str, key: Key, value: str) -> None:
        """Set one tag; the other tags stay, also those that others change at the same time.

        A repetition writes another event, as ``update`` does.

        Args:
            reference: The name of a model, or the reference of a version, such as ``churn/3``.
            key: The key, of 1 to 250 characters.
            value: The value, of at most 100,000 characters.

        Raises:
            InvalidInputError: The key or the value breaks a bound.
            NotFoundError: There is no such model or version.
        """

    def delete_tag(self, reference: str, key: Key) -> None:
        """Remove one tag; the other tags stay.

        Args:
            reference: The name of a model, or the reference of a version, such as ``churn/3``.
            key: The key.

        Raises:
            TagNotFoundError: The model or version has no such tag.
            NotFoundError: There is no such model or version.
        """
