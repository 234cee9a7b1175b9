"""Two criteria of stability that fail for the net f = u w.x: the scalar exponent, and the norm of the multiplier."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged
from theory.law import Law, mutant_value
from theory.parameter import Parameter, integer, positive
from theory.stability import symbols as sy
from theory.stability.guard import require_zero
from theory.stability.matrix_product import A, chi_squared_density
from theory.stability.matrix_quadrature import chi_squared_nodes
from theory.stability.potential_normal import g, normal_potential
from theory.stability.quadrature import log_mean
from theory.stability.standard import NormalX

eta = sy.eta
sigma = sp.Symbol("sigma", positive=True)
d = sp.Symbol("d", integer=True, positive=True)
NOISE_STD = Parameter("noise_std", sigma, "standard deviation of every component of y x", positive(0.3, 1.5))
DIMENSION = Parameter("dimension", d, "dimension d of the input", integer(1, (2, 9)))
KEYS = (sy.learning_rate(0.1, 1.2), NOISE_STD, DIMENSION)


def _scalar() -> Derivation:
    z = sp.Symbol("z", real=True)
    return derivation(
        ("multiplier", 1 - eta * sigma * z, "of one component, along u = -w; z = standard normal"),
        *((step.name, step.expression, step.rule) for step in normal_potential().steps[-1:]),
        ("scalar exponent", g(sp.Integer(1), eta * sigma), "A = 1, S = eta sigma; the dimension does not enter"),
    )


SCALAR = Law(
    id="stability.matrix.scalar_criterion_vector",
    title="The scalar criterion applied to vector inputs",
    statement="Takes the exponent E log|1 - eta z|, z ~ N(0, sigma^2), of the scalar net for the growth rate of "
    "f = u w.x on vector inputs. It is right for d = 1 only: from d = 3 on it predicts collapse where SGD escapes.",
    quantity=sp.Symbol("Lambda_1", real=True),
    parameters=KEYS,
    derive=_scalar,
    definition=lambda learning_rate, noise_std, dimension: log_mean(NormalX(), 1, learning_rate * noise_std),
    sources=(sy.SEED,),
    mutants=(
        mutant_value(
            "exponent of the diffusion",
            lambda learning_rate, noise_std, dimension: -((learning_rate * noise_std) ** 2) / 2,
        ),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
    assumptions=("the inputs are scalar: the matrices of different samples commute",),
    priority="B",
)


def _norm() -> Derivation:
    r = sp.Symbol("r", positive=True)
    block = sp.Matrix([[0, r], [r, 0]])
    eigenvalues = sp.Tuple(*sorted(block.eigenvals(), key=str))
    require_zero(eigenvalues[0] + eigenvalues[1], "the spectrum of the off-diagonal block")
    length = sp.sqrt(A)
    return derivation(
        ("multiplier", sp.eye(2) + eta * block, "on the plane of u and the component of w along y x, r = |y x|"),
        ("eigenvalues", sp.Tuple(*[1 + eta * e for e in eigenvalues]), "the identity elsewhere"),
        ("norm", 1 + eta * r, "the largest modulus; above 1 for every sample"),
        ("law of the length", chi_squared_density(A, d), "r = sigma sqrt(A), A ~ chi2_d"),
        ("mean log norm", sp.Integral(sp.log(1 + eta * sigma * length) * chi_squared_density(A, d), (A, 0, sp.oo)),
         "E log |I - eta H|, an upper bound of the growth rate of every vector"),
    )  # fmt: skip


def _log_norm(scale: float, dimension: int, power: float = 0.5) -> float:
    nodes = chi_squared_nodes(dimension)
    return float(nodes.weight @ np.log1p(scale * nodes.value**power))


def _norm_value(_: Derivation, v: dict[str, Any], digits: int) -> Any:
    scale, size = v["learning_rate"] * v["noise_std"], int(v["dimension"])
    if digits <= 15:
        return mpmath.mpf(_log_norm(scale, size))
    exact = sp.Rational(repr(v["learning_rate"])) * sp.Rational(repr(v["noise_std"]))

    def integral() -> Any:
        half, factor = mpmath.mpf(size) / 2, mpmath.mpf(int(exact.p)) / int(exact.q)
        norm = 2 ** (half - 1) * mpmath.gamma(half)
        tail = mpmath.sqrt(size) + 2 * mpmath.sqrt(mpmath.mp.dps) + 4
        return mpmath.quad(
            lambda r: r ** (size - 1) * mpmath.exp(-r * r / 2) * mpmath.log1p(factor * r) / norm, [0, tail / 3, tail]
        )

    return converged(integral, digits)


def _norm_definition(learning_rate: Any, noise_std: Any, dimension: Any) -> Any:
    """Mean logarithm of the numerical spectral norm of explicit matrices, over the length of y x."""
    scale, size = float(learning_rate * noise_std), int(dimension)
    x, w = np.polynomial.legendre.leggauss(120)
    reach = size**0.5 + 10
    r, weight = reach * (x + 1) / 2, reach / 2 * w
    matrices = np.zeros((len(r), size + 1, size + 1))
    matrices[:, 0, 1:] = matrices[:, 1:, 0] = scale * r[:, None] / size**0.5
    norms = np.linalg.norm(matrices + np.eye(size + 1), 2, axis=(1, 2))
    density = r ** (size - 1) * np.exp(-r * r / 2) * 2 / (2 ** (size / 2) * float(mpmath.gamma(size / 2)))
    return float(weight @ (density * np.log(norms)))


NORM_BOUND = Law(
    id="stability.matrix.norm_bound",
    title="The mean log norm bounds the growth rate, and is no criterion",
    statement="E log |I - eta H| < 0 suffices for stability in probability. For f = u w.x under pure noise the norm is "
    "1 + eta |y x| > 1 for every sample, so E log(1 + eta sigma chi_d) > 0 always, although SGD may collapse.",
    quantity=sp.Symbol("E_log_norm"),
    parameters=KEYS,
    derive=_norm,
    definition=_norm_definition,
    evaluator=_norm_value,
    sources=(sy.SEED,),
    mutants=(
        mutant_value(
            "squared length in place of the length",
            lambda learning_rate, noise_std, dimension: _log_norm(learning_rate * noise_std, int(dimension), 1.0),
        ),
        mutant_value(
            "length of one component",
            lambda learning_rate, noise_std, dimension: _log_norm(learning_rate * noise_std, 1),
        ),
    ),
    rungs=("algebra", "chain"),
    priority="B",
)

CRITERIA: tuple[Law, ...] = (SCALAR, NORM_BOUND)
