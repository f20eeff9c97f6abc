"""The months of 2013: the partitions of all assets of this pipeline except the model."""

import dagster as dg

from pedigree.errors import InvalidInputError

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2013-01", end_date="2014-01", fmt="%Y-%m")


def months_between(first: str, last: str) -> list[str]:
    """Return the months from ``first`` to ``last``, both inclusive, as ``2013-01``.

    Raises:
        InvalidInputError: A month is not in 2013, or the last is before the first.
    """
    every = MONTHS.get_partition_keys()
    for field, month in (("first_month", first), ("last_month", last)):
        if month not in every:
            raise InvalidInputError(
                "is not a month with flights",
                field=field,
                value=month,
                remedy=f"Use a month from {every[0]} to {every[-1]}",
            )
    if last < first:
        raise InvalidInputError(
            f"the range ends before it starts, in {first}",
            field="last_month",
            value=last,
            remedy="Use a last month that is not before the first",
        )
    return [month for month in every if first <= month <= last]
