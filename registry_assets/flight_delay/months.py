"""The months of 2013: the partitions of everything in this pipeline but its model."""

import dagster as dg

from pedigree.errors import InvalidInputError

MONTHS = dg.MonthlyPartitionsDefinition(start_date="2013-01", end_date="2014-01", fmt="%Y-%m")


def months_between(first: str, last: str) -> list[str]:
    """Return the months from ``first`` to ``last``, both inclusive, as ``2013-01``.

    Raises:
        InvalidInputError: A month is not of 2013, or the last lies before the first.
    """
    every = MONTHS.get_partition_keys()
    for field, month in (("first_month", first), ("last_month", last)):
        if month not in every:
            raise InvalidInputError(
                "there are no flights of this month",
                field=field,
                value=month,
                remedy=f"Name a month from {every[0]} to {every[-1]}",
            )
    if last < first:
        raise InvalidInputError(
            f"the range ends before it begins, in {first}",
            field="last_month",
            value=last,
            remedy="Name a last month that is not before the first",
        )
    return [month for month in every if first <= month <= last]
