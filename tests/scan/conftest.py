"""Every implementation of the scan in turn; Triton's is interpreted where there is no GPU."""

import pytest
import torch

from spikefa import scan


@pytest.fixture(autouse=True)
def _choose(monkeypatch):
    """The tests choose, whatever the rest of the suite was told to run on."""
    monkeypatch.delenv(scan.VARIABLE, raising=False)


@pytest.fixture(params=["reference", "cpu", "cuda"])
def forced(request):
    """The implementation's name, with scans forced to it."""
    if request.param == "cuda":
        pytest.importorskip("triton", reason="the CUDA kernel needs triton: pip install spikefa[cuda]")
    with scan.using(request.param):
        yield request.param


@pytest.fixture
def device(forced):
    """Where this implementation's tensors are."""
    return "cuda" if forced == "cuda" and torch.cuda.is_available() else "cpu"
