"""The scikit-learn digits (1797 images of 8 x 8 pixels, inside its wheel) as small real data sets."""

from __future__ import annotations

import functools

import numpy as np

from numerics.errors import NumericsError


@functools.lru_cache(maxsize=1)
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return centred images (1797, 64) and labels (1797,).

    Raises NumericsError if scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise NumericsError("the digits need scikit-learn; install the extra: pip install 'sgdlaws[data]'.") from error
    images, labels = load_digits(return_X_y=True)
    return images - images.mean(0), labels


def principal_component(rank: int) -> np.ndarray:
    """Return the scores of the ``rank``-th principal component (1 = largest variance), scaled to mean square one.

    The sign is fixed so that the loading of largest magnitude is positive.
    """
    images, _ = digits()
    if not 1 <= rank <= images.shape[1]:
        raise NumericsError(f"principal component {rank} of {images.shape[1]}; choose 1 <= rank <= {images.shape[1]}.")
    _, _, loadings = np.linalg.svd(images, full_matrices=False)
    direction = loadings[rank - 1]
    scores = images @ (direction * np.sign(direction[np.abs(direction).argmax()]))
    return scores / np.sqrt(np.mean(scores**2))


def signed_label(kind: str) -> np.ndarray:
    """Return +-1 labels: ``large`` (+1 for digits 5 to 9) or ``parity`` (+1 for even digits)."""
    _, labels = digits()
    if kind not in ("large", "parity"):
        raise NumericsError(f"label {kind!r} is unknown; choose large or parity.")
    positive = labels >= 5 if kind == "large" else labels % 2 == 0
    return np.where(positive, 1.0, -1.0)


def scalar_task(label: str, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scalar inputs x and labels y from the digits, oriented so that the mean of x * y is positive."""
    x, y = principal_component(rank), signed_label(label)
    return x, y if np.mean(x * y) > 0 else -y
