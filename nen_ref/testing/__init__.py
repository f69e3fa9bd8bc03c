"""Test suites for those who write parts of their own. They need pytest and hypothesis (the extra `testing`).

from nen_ref.testing.store_suite import StoreSuite

class TestMyStore(StoreSuite):
    def open_store(self, max_nonces): return MyStore(max_nonces=max_nonces)
"""

import pytest

pytest.register_assert_rewrite("nen_ref.testing.store_suite")
