"""Numbers are the same to the last bit only where the threads are as many: here and in all workers, one."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """For as long as a test runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
