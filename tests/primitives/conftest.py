"""The fixture by which a test goes through a published file."""

import pytest

from tests.primitives.vectors import Walk


@pytest.fixture
def walk(request: pytest.FixtureRequest) -> Walk:
    return Walk(request.node.user_properties)
