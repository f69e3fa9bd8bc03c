"""Shared by all tests: the options, and repeatable hypothesis runs, short ones for mutmut."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from types import FrameType

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.primitives import external_table

settings.register_profile(
    "nen", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
UNDER_MUTMUT = "MUTANT_UNDER_TEST" in os.environ
# Of primitives: see tests/mutation/check.py.
NOT_IN_MODULES = ("chacha20_poly1305", "external", "ml_dsa", "ml_dsa_lanes", "ml_kem")
CPU_SECONDS = 6  # of one test under mutmut; the longest that it runs needs a tenth of that

# mutmut runs the tests once for each mutant and asks only whether one fails: a few examples do, and no smaller ones.
settings.register_profile(
    "mutmut", settings.get_profile("nen"), max_examples=10, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("mutmut" if UNDER_MUTMUT else "nen")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")
    external_table.add_options(parser)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes minutes: run with --slow (make slow)")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def pytest_configure(config: pytest.Config) -> None:
    """Let a mutant answer to the tests of its own module, where there are some: collecting the others takes longer.

    They are `test_MODULE*.py` of its layer, and of the protocol the two files that go through all of it.
    """
    external_table.register(config)
    # Where the tests are a background job, SIGINT is ignored, and would be by every process that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if UNDER_MUTMUT and os.environ.get("NEN_MUTATED") == "MODULES":
        others = [f"tests/primitives/test_{module}.py" for module in NOT_IN_MODULES]
        config.option.ignore = [*(config.option.ignore or []), *others]
    mutant = os.environ.get("MUTANT_UNDER_TEST", "").split(".")
    if len(mutant) < 4:
        return
    _, layer, module, *_ = mutant
    own = [test for test in config.args if test.startswith(f"tests/{layer}/test_{module}")]
    through_all = tuple(f"tests/protocol/test_{name}.py" for name in ("details", "suite"))
    if own:
        config.args[:] = [test for test in config.args if test in own or test.startswith(through_all)]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    """Under mutmut, fail a test that takes far too long: many a mutant loops for ever.

    CPU time, so that it does not matter what else the machine does.
    """
    if UNDER_MUTMUT:
        signal.signal(signal.SIGVTALRM, _out_of_time)
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
    try:
        yield
    finally:
        if UNDER_MUTMUT:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _out_of_time(signum: int, frame: FrameType | None) -> None:
    pytest.fail(f"took more than {CPU_SECONDS} s of CPU time")
