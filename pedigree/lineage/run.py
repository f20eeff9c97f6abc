"""The run and the CI build that this process is part of."""

import os

from pedigree.settings import Settings

# Variables of build systems for the run and its page:
# https://docs.github.com/actions/reference/variables,
# https://docs.gitlab.com/ci/variables/predefined_variables, and those of the others.
_CI_RUNS = {
    "GitHub Actions": ("GITHUB_RUN_ID", None),
    "GitLab": ("CI_PIPELINE_ID", "CI_PIPELINE_URL"),
    "Buildkite": ("BUILDKITE_BUILD_ID", "BUILDKITE_BUILD_URL"),
    "CircleCI": ("CIRCLE_WORKFLOW_ID", "CIRCLE_BUILD_URL"),
    "Azure Pipelines": ("BUILD_BUILDID", None),
    "Jenkins": ("BUILD_TAG", "BUILD_URL"),
    "AWS CodeBuild": ("CODEBUILD_BUILD_ID", None),
}


def current_run(settings: Settings) -> str | None:
    """Return the run ID: ``PEDIGREE_RUN_ID``, else the CI's variable; None if neither is set."""
    candidates = [os.environ.get(variable) for variable, _ in _CI_RUNS.values()]
    return next(filter(None, [settings.run_id, *candidates]), None)


def current_build() -> str | None:
    """Return the page of the current CI build, or its name and ID; None outside of CI."""
    for name, (run_variable, page_variable) in _CI_RUNS.items():
        run = os.environ.get(run_variable)
        if run:
            page = os.environ.get(page_variable) if page_variable else _github_page()
            return page or f"{name} {run}"
    return None


def _github_page() -> str | None:
    server, repository, run = (
        os.environ.get(f"GITHUB_{part}") for part in ("SERVER_URL", "REPOSITORY", "RUN_ID")
    )
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None
