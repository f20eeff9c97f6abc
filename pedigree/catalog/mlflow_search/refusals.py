"""The error of a search that MLflow refuses."""

from pedigree.errors import InvalidInputError


class RefusedSearchError(InvalidInputError):
    """MLflow refuses the search, too; the message is its text, without any addition of ours."""

    def __str__(self) -> str:
        return self.message
