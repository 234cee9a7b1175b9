"""Noise floors of linear units, exact at finite dimension, with isotropic and anisotropic inputs."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_value
from theory.order_parameters import domains as dm
from theory.order_parameters.single_unit import _fixed_point_error
from theory.parameter import Constraint, Parameter, positive, real_list
from theory.source import DERIVED

ETA, NOISE, BATCH, D = dm.LEARNING_RATE.symbol, dm.NOISE.symbol, dm.BATCH.symbol, dm.DIMENSION.symbol
RATE = dm.LEARNING_RATE.within(positive(0.1, 0.7))
N = sp.Symbol("N", integer=True, positive=True)
LAMBDA = sp.IndexedBase("l")
VARIANCES = Parameter(
    "input_variances",
    LAMBDA,
    "eigenvalues of the input covariance",
    real_list(0.3, 1.6, (3, 6), positive=True),
    length=N,
)


def second_moment_rates() -> tuple[Any, Any]:
    """Return (decay, source) of one diagonal second moment s of the deviation, in input variance l and rho.

    One step of minibatch SGD: E s' = s - (2 eta/d) l s + (eta^2/d^2)[((B+1)/B) l^2 s + (d/B) rho l] + source, from
    the Gaussian fourth moment E[x x' S x x'] = 2 G S G + tr(G S) G and the (B-1)/B pairs of different samples.
    """
    l, s, rho = sp.symbols("l s rho", positive=True)
    fourth = 2 * l**2 * s + D * rho * l
    change = -2 * ETA / D * l * s + ETA**2 / D**2 * (fourth / BATCH + (BATCH - 1) / BATCH * l**2 * s)
    change += ETA**2 / (BATCH * D) * NOISE * l
    return sp.expand(change), (l, s, rho)


def _finite() -> Derivation:
    change, (l, s, rho) = second_moment_rates()
    isotropic = sp.factor(change.subs({l: 1, rho: s}))
    form = sp.factor(sp.solve(isotropic, s)[0] / 2)
    return derivation(
        ("change of the deviation in one step", change, "Gaussian fourth moment"),
        ("isotropic", isotropic, "l = 1, rho = s"),
        ("error", form, "s/2 at the fixed point"),
    )


def _limit() -> Derivation:
    form = sp.factor(sp.limit(_finite().result, D, sp.oo))
    return derivation(
        ("exact at every d", _finite().result, "recursion of the second moment"), ("limit", form, "d -> oo")
    )


def _anisotropic() -> Derivation:
    change, (l, s, rho) = second_moment_rates()
    share = sp.factor(sp.solve(change, s)[0])
    i = sp.Symbol("i", integer=True)
    per = sp.simplify(l * share / (rho + NOISE))
    k = sp.Sum(sp.factor(per * BATCH / ETA).subs({l: LAMBDA[i], D: N}), (i, 0, N - 1)) / N
    form = ETA * k * NOISE / (BATCH * 2 * (1 - ETA * k / BATCH))
    return derivation(
        ("change in one step", change, "per eigenvalue l"),
        ("stationary", share, "given rho = sum l s/d"),
        ("k", k, "mean over eigenvalues, d = N"),
        ("error", form, "rho = (eta/B) k (rho + Delta)"),
    )


def _step_map(variances: list[float], eta: float) -> tuple[Any, Any]:
    """Return (E[A S A'] on diagonal S as a matrix, E[A]), A = I - eta x x'/d, by a product rule over the inputs.

    Three Gauss-Hermite nodes a coordinate are exact for the fourth powers that occur.
    """
    import itertools

    import numpy as np

    d = len(variances)
    first, second = np.zeros((d, d)), np.zeros((d, d))
    for nodes in itertools.product(((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6)), repeat=d):
        x = np.array([node * l**0.5 for (node, _), l in zip(nodes, variances, strict=True)])
        weight = float(np.prod([w for _, w in nodes]))
        a = np.eye(d) - eta / d * np.outer(x, x)
        first += weight * a
        second += weight * a**2
    return second, first


def _anisotropic_definition(
    input_variances: list[Any], learning_rate: Any, noise_variance: Any, batch_size: Any
) -> float:
    """Stationary second moments of w - w* under the update itself, averaged over inputs and batches."""
    import numpy as np

    variances, eta, noise, batch = (
        [float(l) for l in input_variances],
        *map(float, (learning_rate, noise_variance, batch_size)),
    )
    d = len(variances)
    second, first = _step_map(variances, eta)
    # the mean over B samples: one pair in B is a sample with itself, the others are independent
    step = second / batch + (batch - 1) / batch * np.diag(np.diag(first) ** 2)
    source = eta**2 * noise / (batch * d) * np.array(variances)
    moments = np.linalg.solve(np.eye(d) - step, source)
    return float(np.array(variances) @ moments) / d / 2


def _finite_definition(dimension: Any, learning_rate: Any, noise_variance: Any, batch_size: Any) -> Any:
    """Fixed point of E|delta|^2 under the update, isotropic inputs: x = one coordinate along delta and the rest."""
    d, eta, batch = dimension, learning_rate, batch_size
    nodes = (
        (-mpmath.sqrt(3), mpmath.mpf(1) / 6),
        (mpmath.mpf(0), mpmath.mpf(2) / 3),
        (mpmath.sqrt(3), mpmath.mpf(1) / 6),
    )

    def moved(scale: Any) -> Any:
        """E|delta - (eta/d) x x.delta|^2 for |delta|^2 = scale: x = (u, rest), E|rest|^2 = d - 1."""
        along = mpmath.fsum(w * (1 - eta / d * u * u) ** 2 for u, w in nodes)
        across = mpmath.fsum(w * (eta / d * u) ** 2 for u, w in nodes) * (d - 1)
        return scale * (along + across)

    def gap(s: Any) -> Any:
        mean = mpmath.fsum(w * (1 - eta / d * u * u) for u, w in nodes)
        return moved(s) / batch + (batch - 1) / batch * mean**2 * s + eta**2 * noise_variance / (batch * d) - s

    return mpmath.findroot(gap, mpmath.mpf("0.1")) / 2


def _limit_definition(learning_rate: Any, noise_variance: Any, batch_size: Any) -> Any:
    """Root of the stationary condition with the drift of the ODE by quadrature of the definition."""
    return _fixed_point_error("linear", [1.1, 1.0], p=1.0, eta=learning_rate, noise=noise_variance, batch=batch_size)


def _floor(e: float, n: float, b: float, factor: float) -> float:
    return e * n / (2 * b * (2 - e * factor / b))


def _anisotropic_wrong(
    input_variances: list[float], learning_rate: float, noise_variance: float, batch_size: int, mean: bool
) -> float:
    d, e, b = len(input_variances), learning_rate, batch_size
    k = sum(input_variances) / d / 2 if mean else sum(l / (2 - e * b * l / (b * d)) for l in input_variances) / d
    return e / b * k * noise_variance / (2 * (1 - e * k / b))


_FREE = Constraint(
    lambda v: (
        v["learning_rate"] * (v.get("dimension", 9) + v["batch_size"] + 1) < 2 * v["batch_size"] * v.get("dimension", 9)
    ),
    "the learning rate must be below 2Bd/(d+B+1)",
)


def _anisotropic_stable(v: dict[str, Any]) -> bool:
    d, e, b = len(v["input_variances"]), v["learning_rate"], v["batch_size"]
    gaps = [2 - e * (b + 1) * l / (b * d) for l in v["input_variances"]]
    return min(gaps) > 0 and e / b * sum(l / g for l, g in zip(v["input_variances"], gaps, strict=True)) / d < 1


LAWS = (
    Law(
        id="order_parameters.noise_floor.linear",
        title="noise floor of a linear unit",
        statement="eta Delta/(2(2B - eta)), exact in Delta, d -> infinity.",
        quantity=sp.Symbol("eps"),
        parameters=(RATE, dm.NOISE, dm.BATCH),
        derive=_limit,
        definition=_limit_definition,
        sources=(DERIVED,),
        regime=Regime("d -> infinity", "O(1/d)"),
        rungs=("algebra", "chain"),
        mutants=(
            mutant_value(
                "eta Delta/4", lambda learning_rate, noise_variance, batch_size: learning_rate * noise_variance / 4
            ),
        ),
    ),
    Law(
        id="order_parameters.noise_floor.linear_finite_dimension",
        title="noise floor of a linear unit at any dimension",
        statement="eta Delta/(2B(2 - eta(d+B+1)/(Bd))), exact at every d and B.",
        quantity=sp.Symbol("eps"),
        parameters=(dm.DIMENSION, RATE, dm.NOISE, dm.BATCH),
        derive=_finite,
        definition=_finite_definition,
        sources=(DERIVED,),
        constraints=(_FREE,),
        rungs=("algebra", "chain", "sgd"),
        gate_points=10,
        mutants=(
            mutant_value(
                "d + 2 at B > 1",
                lambda dimension, learning_rate, noise_variance, batch_size: _floor(
                    learning_rate, noise_variance, batch_size, (dimension + 2) / dimension
                ),
            ),
            mutant_value(
                "infinite dimension",
                lambda dimension, learning_rate, noise_variance, batch_size: _floor(
                    learning_rate, noise_variance, batch_size, 1.0
                ),
            ),
        ),
    ),
    Law(
        id="order_parameters.noise_floor.linear_anisotropic",
        title="noise floor of a linear unit, anisotropic inputs",
        statement="Gaussian inputs with covariance eigenvalues l_i, exact at every d = number of eigenvalues and B.",
        quantity=sp.Symbol("eps"),
        parameters=(VARIANCES, RATE, dm.NOISE, dm.BATCH),
        derive=_anisotropic,
        definition=_anisotropic_definition,
        sources=(DERIVED,),
        rungs=("algebra", "sgd"),
        gate_points=10,
        constraints=(Constraint(_anisotropic_stable, "the learning rate is too large for a stationary state"),),
        mutants=(
            mutant_value("mean of l_i", lambda **v: _anisotropic_wrong(**v, mean=True)),
            mutant_value("B for B + 1", lambda **v: _anisotropic_wrong(**v, mean=False)),
        ),
    ),
)
