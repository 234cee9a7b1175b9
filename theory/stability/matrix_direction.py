"""Growth of one vector under I - step x x^T at any precision: the direction in closed form, the length by quadrature.

With c = |1 - step |x|^2| and the angle t between the vector and x, the squared growth is c^2 cos^2 t + sin^2 t, whose
logarithm has the Fourier series 2 log((1 + c)/2) - 2 sum_k q^k cos(2 k t)/k, q = (1 - c)/(1 + c).
"""

from __future__ import annotations

import functools
from typing import Any

import mpmath


def direction_mean(c: Any, dimension: int) -> Any:
    """E log(c^2 cos^2 t + sin^2 t) over uniform directions in d dimensions, c > 0, at the current precision.

    With h = d/2 - 1 the mean of cos(2 k t) is f_k = (-h)_k/(1 + h)_k: a finite sum for even d, for odd d partial
    fractions in k, which sum to logarithms and inverse tangents.

    >>> print(mpmath.nstr(direction_mean(mpmath.mpf("0.3"), 2), 12))  # 2 log((1 + c)/2)
    -0.861565832185
    """
    q = (1 - c) / (1 + c)
    half = mpmath.mpf(dimension) / 2 - 1
    start = 2 * mpmath.log((1 + c) / 2)
    if dimension % 2 == 0 or abs(q) < mpmath.mpf(1) / 4:
        return start - 2 * _series(q, half)
    return start - 2 * _fractions(q, (dimension - 1) // 2)


def _series(q: Any, half: Any) -> Any:
    """sum_k q^k f_k/k, term by term."""
    total, power, k = mpmath.mpf(0), mpmath.mpf(1), 0
    while power and abs(power) > mpmath.eps * abs(total) / 8:
        k += 1
        power *= q * (k - 1 - half) / (k + half)
        total += power / k
    return total


@functools.lru_cache(maxsize=64)
def _residues(count: int, precision: int) -> list[Any]:
    """The residues a_j of f_k/k at k = +-(j - 1/2), at a working precision in bits."""
    with mpmath.workprec(precision):
        squares = [mpmath.mpf(2 * j - 1) ** 2 / 4 for j in range(1, count + 1)]
        whole = mpmath.fprod(squares)
        return [
            whole / (-2 * x * mpmath.fprod(y - x for i, y in enumerate(squares) if i != j))
            for j, x in enumerate(squares)
        ]


def _fractions(q: Any, count: int) -> Any:
    """The same for odd d = 2 count + 1: f_k/k = 1/k + sum_j a_j [1/(k - r_j) + 1/(k + r_j)], r_j = j - 1/2."""
    half, root = mpmath.mpf(1) / 2, mpmath.sqrt(abs(q))
    # sum_n q^n/(n + 1/2): over n >= 1 - j for the first fraction, over n >= j for the second.
    whole = 2 * (mpmath.atanh(root) if q > 0 else mpmath.atan(root)) / root
    longer, shorter, power = whole, whole, mpmath.mpf(1)
    total = -mpmath.log(1 - q)
    for n, residue in enumerate(_residues(count, mpmath.mp.prec)):
        # Here power = q^n and n = j - 1.
        if n:
            longer += 1 / (power * (half - n))
        shorter -= power / (n + half)
        total += residue * (power * q * longer + shorter / power)
        power *= q
    return total


def top_growth(step: Any, dimension: int) -> Any:
    """The top exponent for standard normal x: half the mean over |x|^2 ~ chi2_d, at the current precision."""
    half = mpmath.mpf(dimension) / 2
    norm = 2**half * mpmath.gamma(half)

    def integrand(square: Any) -> Any:
        c = abs(1 - step * square)
        if not c or not square:
            return mpmath.mpf(0)
        return direction_mean(c, dimension) * square ** (half - 1) * mpmath.exp(-square / 2) / norm

    # In odd dimensions partial fractions cancel some digits, the more the higher the dimension.
    with mpmath.workdps(mpmath.mp.dps + 5 + dimension):
        points = {
            mpmath.mpf(0),
            1 / mpmath.mpf(step),
            mpmath.mpf(dimension + 8),
            mpmath.mpf(dimension + 6 * mpmath.mp.dps),
        }
        value = mpmath.quad(integrand, sorted(points)) / 2
    return +value


def critical_rate(guess: float, dimension: int, digits: int) -> Any:
    """The zero of the top exponent next to a guess of double precision, to any number of digits, by secants."""
    with mpmath.workdps(digits + 8):
        first, second = mpmath.mpf(guess), mpmath.mpf(guess) * (1 + mpmath.mpf(10) ** -8)
        low, high = top_growth(first, dimension), top_growth(second, dimension)
        while abs(second - first) > abs(second) * mpmath.mpf(10) ** (-digits // 2 - 2):
            first, second = second, second - high * (second - first) / (high - low)
            low, high = high, top_growth(second, dimension)
        return second - high * (second - first) / (high - low)
