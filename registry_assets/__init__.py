"""The asset graph of this registry: two real pipelines."""

from registry_assets.customer_churn.customers import churn_split, customer_features, customers
from registry_assets.customer_churn.expectations import training_expectations
from registry_assets.customer_churn.model import customer_churn
from registry_assets.customer_churn.scores import churn_scores
from registry_assets.flight_delay.drift import flight_delay_drift
from registry_assets.flight_delay.flights import flights
from registry_assets.flight_delay.model import flight_delay
from registry_assets.flight_delay.scores import flight_delay_scores

MODELS = (customer_churn, flight_delay)
ASSETS = (
    customers,
    customer_features,
    churn_split,
    customer_churn,
    churn_scores,
    flights,
    flight_delay,
    flight_delay_scores,
    flight_delay_drift,
)
CHECKS = (training_expectations,)
