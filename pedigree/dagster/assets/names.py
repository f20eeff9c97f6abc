"""Names of models and stages in the asset graph."""

import hashlib
import re

import dagster as dg

MODEL_FOLDER = "models"


def model_key(name: str) -> dg.AssetKey:
    """Return the key of a model's asset, ``models/customer_churn``."""
    return dg.AssetKey([MODEL_FOLDER, name])


def stage_key(name: str, stage: str) -> dg.AssetKey:
    """Return the key of a stage's asset, ``models/customer_churn/production``."""
    return dg.AssetKey([MODEL_FOLDER, name, stage])


def kind_of(name: str) -> str:
    """Return a model's name as an asset kind, which the graph shows below a node.

    Dagster accepts ASCII letters, digits, ``_``, ``-`` and ``.``, at most 63 characters.

    >>> kind_of("customer_churn"), kind_of("home prices")
    ('customer_churn', 'home_prices')
    """
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)[:63].strip("_.-") or "model"


def slug(*words: str) -> str:
    """Return a name that Dagster accepts for an op, a job or a check, unique for the words.

    Dagster rejects spaces and non-ASCII letters, and replacing them alone would give ``a-b`` and
    ``a.b`` the same op. So the name ends with eight digits of the words' hash.

    >>> slug("customer_churn", "production")
    'customer_churn_production_cd49d009'
    """
    text = "\x00".join(words)
    readable = re.sub(r"\W+", "_", "_".join(words), flags=re.ASCII).strip("_")[:80]
    return f"{readable or 'model'}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
