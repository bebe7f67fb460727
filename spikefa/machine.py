"""What a command is told of the machine: the device to compute on, and how many threads."""

from __future__ import annotations

from typing import Any

import torch


def use_threads(value: Any) -> None:
    """Let torch use so many threads on the CPU; its own choice if None.

    Raises:
        ValueError: no whole number, at least 1.

    Example:
        >>> use_threads(None)
    """
    if value is not None:
        torch.set_num_threads(count("threads", value))


def count(option: str, value: Any) -> int:
    """A number as it was typed, or as a study file has it.

    Raises:
        ValueError: no whole number, at least 1; the message names the option.

    Example:
        >>> count("jobs", "2")
        2
    """
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) < 1:
        raise ValueError(f"{option} must be a whole number, at least 1, not {value!r}")
    return int(value)


def named(device: Any) -> str:
    """The name of a device, which this machine need not have.

    Raises:
        ValueError: it is no name.

    Example:
        >>> named("cuda")
        'cuda'
    """
    if not isinstance(device, str):
        raise ValueError(f"device must be a name such as cpu or cuda, not {device!r}")
    return device


def usable(device: Any) -> str:
    """The name of a device, if it can be used.

    Raises:
        ValueError: it cannot.

    Example:
        >>> usable("cpu")
        'cpu'
    """
    name = named(device)
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        said = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used ({said}): try --device cpu") from error
    return name
