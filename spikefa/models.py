"""The Brian2 reference models: in a checkout this module stands for the folder ``models/`` beside the package.

An installed wheel has the folder itself in this place. Nothing here imports Brian2 before a model is asked for.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

__path__ = [str(Path(__file__).parents[1] / "models")]


def __getattr__(name: str) -> ModuleType:
    if not any((Path(folder) / f"{name}.py").exists() for folder in __path__):
        raise AttributeError(f"no reference model is called {name!r}")
    return import_module(f"{__name__}.{name}")
