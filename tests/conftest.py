"""What every test shares: one profile for random tests, and the places of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A slow moment of a shared machine is no fault of the code; the same seeds everywhere make a failure repeatable.
settings.register_profile(
    "house", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("house")


# what takes long to set up is set up by one of the processes that run the tests
_TOGETHER = {
    "cluster/": "spark", "test_omop_databases": "postgres", "test_browser": "browser", "test_cd22": "cd22",
    "knowledge/test_lint": "lint", "knowledge/test_rule_lint": "lint", "knowledge/test_rule_faults": "lint",
    "knowledge/test_faults": "lint", "test_knowledge_lint_passes": "lint",
    "how-to/add-a-scale": "lint", "how-to/site-policy": "lint", "how-to/simulate": "cohort",
    "simulate/test_sbml": "ward", "simulate/test_solver": "ward",
    "simulate/test_chart": "charts", "simulate/test_cohort": "cohort",
}  # fmt: skip


# before xdist reads the groups
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the group of tests that share something dear (`--dist loadgroup`)."""
    for item in items:
        for part, group in _TOGETHER.items():
            if part in item.nodeid:
                item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).parent.parent
