"""Train this project's churn model in a separate process; print the version's digest.

Usage: python -m tests.integration.train_churn DATABASE_URL STORE_URL FOLDER
"""

import sys
from pathlib import Path

import dagster as dg

from pedigree.dagster import RegistryResource, registry_resources
from registry_assets import churn_split, customer_churn, customer_features, customers
from resources.data import DataIOManager


def main(database_url: str, store_url: str, folder: str) -> None:
    registry = RegistryResource(database_url=database_url, store_url=store_url)
    data = DataIOManager(url=Path(folder).as_uri())
    result = dg.materialize(
        [customers, customer_features, churn_split, customer_churn],
        resources={**registry_resources(registry), "io_manager": data},
    )
    (event,) = result.asset_materializations_for_node(customer_churn.op.name)
    print(event.metadata["pedigree/digest"].value)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
