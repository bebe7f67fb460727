"""Separate feedback pathways for spiking networks: learning without weight transport, as a plugin for snnTorch.

Symbols used throughout: T time steps, B batch, N neurons; W the forward weights of a layer, ``weight``; B the feedback
weights, ``feedback.weight``; δ the error at a layer's output, ``error``. Recordings are time first, ``[T, B, N]``.

The public names are listed in ``__init__.pyi``; each is imported when it is first used, so that ``spikefa --help`` need
not wait for torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

__version__ = "0.1.0"
