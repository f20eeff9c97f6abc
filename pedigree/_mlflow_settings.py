"""The settings of the MLflow door: the tracking server that it stands in front of."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from pedigree._audit_settings import AuditSettings


class MlflowSettings(AuditSettings):
    """The settings of the MLflow door.

    Raises:
        pydantic.ValidationError: Requests shall be passed on, and no upstream is named.
    """

    mlflow_upstream: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+[^?#\s]*$")] | None = Field(
        default=None,
        description="URL of the MLflow tracking server, such as https://mlflow.example/base",
    )
    mlflow_upstream_credential: SecretStr | None = Field(
        default=None,
        description="Credential of the service at that server: a token, or user:password",
    )
    mlflow_proxy: bool = Field(
        default=False,
        description="Pass requests of MLflow's tracking on to that server",
    )
    mlflow_proxy_timeout: Annotated[float, Field(gt=0)] = Field(
        default=60.0,
        description="Seconds that the server may take for each part of an answer",
    )
    mlflow_proxy_requests: int = Field(
        default=64, ge=1, description="Maximum requests that a worker passes on at once"
    )

    mlflow_requests: bool = Field(
        default=False,
        description="Keep a move by a client of MLflow as a stage request until its gates pass",
    )

    @model_validator(mode="after")
    def _require_upstream(self) -> Self:
        if self.mlflow_proxy and self.mlflow_upstream is None:
            raise ValueError(
                "PEDIGREE_MLFLOW_PROXY needs PEDIGREE_MLFLOW_UPSTREAM, the URL of the server"
            )
        return self
