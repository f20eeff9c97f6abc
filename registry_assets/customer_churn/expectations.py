"""The Great Expectations suite of the training customers."""

from typing import Any

from pedigree.dagster import expectations_check
from registry_assets.customer_churn.encoding import CUSTOMER, TARGET

# With fewer customers, or hardly any that left, a churn model would be random.
FEWEST_CUSTOMERS = 1_000
CHURN_RATE = (0.02, 0.50)


def _expect(kind: str, **arguments: Any) -> dict[str, Any]:
    return {"type": f"expect_{kind}", "kwargs": arguments}


TRAINING_CUSTOMERS = {
    "name": "training customers",
    "expectations": [
        _expect("table_row_count_to_be_between", min_value=FEWEST_CUSTOMERS),
        _expect("column_values_to_not_be_null", column=CUSTOMER),
        _expect("column_values_to_be_unique", column=CUSTOMER),
        _expect("column_values_to_be_in_set", column=TARGET, value_set=[0, 1]),
        _expect(
            "column_mean_to_be_between",
            column=TARGET,
            min_value=CHURN_RATE[0],
            max_value=CHURN_RATE[1],
        ),
    ],
}

training_expectations = expectations_check(
    "churn_training_customers", TRAINING_CUSTOMERS, name="training_expectations"
)
