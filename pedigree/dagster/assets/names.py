"""What models are called in the asset graph."""

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
    """Return a model's name as a kind of assets, which the graph shows below a node.

    Dagster takes letters, digits, ``_``, ``-`` and ``.`` of ASCII, at most sixty-three.

    >>> kind_of("customer_churn"), kind_of("home prices")
    ('customer_churn', 'home_prices')
    """
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)[:63].strip("_.-") or "model"


def slug(*words: str) -> str:
    """Return a name that Dagster takes for an op, a job or a check, different for different words.

    Dagster refuses spaces and letters outside ASCII, and spelling alone would make ``a-b`` and
    ``a.b`` one op, so eight digits of the words' hash follow.

    >>> slug("customer_churn", "production")
    'customer_churn_production_cd49d009'
    """
    text = "\x00".join(words)
    readable = re.sub(r"\W+", "_", "_".join(words), flags=re.ASCII).strip("_")[:80]
    return f"{readable or 'model'}_{hashlib.sha256(text.encode()).hexdigest()[:8]}"
