"""UCI digits 8×8, the default data set: small, real, and part of scikit-learn, so nothing is downloaded."""

from pathlib import Path

import torch

from spikefa.datasets.dataset import Dataset, Split, hold_out, limit, stratified

TEST = 300


def load(
    folder: Path | None = None, *, train: int | None = None, validation: int = 300, test: int | None = None
) -> Dataset:
    """UCI digits 8×8: 1,797 handwritten digits in 16 grey levels, shape [1, 8, 8], 10 classes; no download.

    The same 300 images are the test set whatever the options; training and validation images share the other 1,497.

    Args:
        folder: not used; the data come with scikit-learn.
        train: limit on the training images; None keeps all.
        validation: number of validation images.
        test: limit on the test images; None keeps all 300.

    Raises:
        TypeError: when a number is no integer.
        ValueError: when a number is too small for one image per class, or too large.

    Reference:
        Optical recognition of handwritten digits, E. Alpaydin and C. Kaynak, 1998,
        https://doi.org/10.24432/C50P49

    Example:
        >>> digits = load()
        >>> len(digits.train), len(digits.validation), len(digits.test), digits.shape
        (1197, 300, 300, (1, 8, 8))
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x, y = torch.from_numpy(images).float().div(16).view(-1, 1, 8, 8), torch.from_numpy(labels).long()
    rest, last = stratified(y, TEST, "test")
    kept, chosen = hold_out(x[rest], y[rest], validation)
    kept, held = limit(kept, train, "train"), limit(Split(x[last], y[last]), test, "test")
    note = f"UCI digits 8×8, stratified {len(kept):,}/{len(chosen):,}/{len(held):,}, seed 0"
    return Dataset("digits", kept, chosen, held, classes=10, note=note)
