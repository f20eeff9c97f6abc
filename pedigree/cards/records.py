"""Model cards, and the notes of people in them."""

from datetime import datetime
from typing import TypeAlias

from pydantic import Field

from pedigree._record import Record
from pedigree.artifacts.records import Digest

Prose: TypeAlias = str | tuple[str, ...] | None
"""Plain text (a blank line starts a paragraph), a list of points, or None for "not provided".
Markdown and HTML in it are shown literally."""


class CardNotes(Record):
    """People's notes in a model card; the card shows a missing field as "not provided".

    The fields follow Mitchell et al., "Model Cards for Model Reporting" (2019), section by section.
    """

    # Model details
    model_type: str | None = Field(default=None, description="Such as gradient-boosted trees")
    developed_by: str | None = Field(default=None, description="The person or organization")
    algorithm: Prose = Field(default=None, description="Training algorithm, constraints, features")
    paper: str | None = Field(default=None, description="A paper or page with more information")
    citation: Prose = Field(default=None, description="How to cite the model")
    license: str | None = Field(default=None, description="An SPDX id in lower case: apache-2.0")
    contact: str | None = Field(default=None, description="Where to send questions or comments")
    languages: tuple[str, ...] = Field(
        default=(), description="ISO 639-1 codes of the model's languages"
    )
    task: str | None = Field(
        default=None, description="A Hugging Face task such as tabular-classification"
    )
    # Intended use
    primary_uses: Prose = Field(default=None, description="What the model is for")
    primary_users: Prose = Field(default=None, description="Who should use it")
    out_of_scope_uses: Prose = Field(default=None, description="What it must not be used for")
    # Factors
    relevant_factors: Prose = Field(
        default=None, description="Groups, instruments and environments that may affect results"
    )
    evaluation_factors: Prose = Field(
        default=None, description="Which of these factors were evaluated, and why"
    )
    # Metrics
    performance_measures: Prose = Field(default=None, description="Why these metrics")
    decision_thresholds: Prose = Field(default=None, description="Which thresholds, and why")
    variation_approaches: Prose = Field(
        default=None, description="How uncertainty and variability were estimated"
    )
    # Evaluation and training data
    evaluation_datasets: Prose = Field(default=None, description="The evaluation data")
    evaluation_motivation: Prose = Field(default=None, description="Why it was chosen")
    evaluation_preprocessing: Prose = Field(default=None, description="How it was prepared")
    training_datasets: Prose = Field(default=None, description="The training data")
    training_motivation: Prose = Field(default=None, description="Why it was chosen")
    training_preprocessing: Prose = Field(default=None, description="How it was prepared")
    # Quantitative analyses
    unitary_results: Prose = Field(default=None, description="Results for each factor")
    intersectional_results: Prose = Field(default=None, description="Results for combined factors")
    # Ethical considerations
    sensitive_data: Prose = Field(
        default=None, description="Data about protected classes, health and similar"
    )
    human_life: Prose = Field(
        default=None, description="Whether it informs decisions central to life or flourishing"
    )
    mitigations: Prose = Field(default=None, description="Measures against risks")
    risks_and_harms: Prose = Field(default=None, description="Who may be harmed, how, how likely")
    fraught_uses: Prose = Field(
        default=None, description="Known uses that are especially problematic"
    )
    # Caveats and recommendations
    caveats: Prose = Field(
        default=None, description="What the evaluation does not cover, and whom the data leaves out"
    )
    recommendations: Prose = Field(default=None, description="Further tests, and advice to users")


class ModelCard(Record):
    """One revision of a version's model card."""

    reference: str = Field(description="customer_churn/3")
    revision: int = Field(ge=1, description="1, 2, 3 … per version")
    markdown: str
    digest: Digest = Field(description="The digest of the Markdown in UTF-8")
    uri: str = Field(description="The card by digest: pedigree://blobs/sha256:…")
    created_at: datetime
    location: str | None = Field(
        default=None, description="Its location in the object store: a path or a URL"
    )
