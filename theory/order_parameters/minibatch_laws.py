"""The minibatch collapse: batch sizes that give the same overlaps after the same number of samples."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result
from theory.order_parameters import domains as dm
from theory.order_parameters import equations as eq
from theory.order_parameters.network_parameters import LIMIT
from theory.parameter import Parameter, integer
from theory.source import DERIVED, Source

GOYAL = Source(
    "goyal2017",
    "P. Goyal, P. Dollar, R. Girshick, P. Noordhuis, L. Wesolowski, A. Kyrola, A. Tulloch, Y. Jia, K. He",
    "Accurate, large minibatch SGD: training ImageNet in 1 hour",
    2017,
    "1706.02677",
)
OTHER = Parameter(
    "other_batch_size",
    sp.Symbol("B_other", positive=True),
    "batch size for which the rates are sought",
    integer(1, region=(2, 24)),
)


def _derive() -> Derivation:
    found = eq.equations(1, 1)
    share = sp.Symbol("c", positive=True)
    rate, second, decay = sp.symbols("eta_o eta2_o omega_o", positive=True)
    other = {eq.ETA: rate, eq.ETA2: second, eq.DECAY: decay, eq.BATCH: OTHER.symbol}
    terms = [found.learning_m[0, 0], found.noise_q[0, 0], found.second_layer[0], eq.DECAY]
    equations = [sp.cancel(share * term.subs(other) / term) - 1 for term in terms]
    solved = sp.solve(equations, [share, rate, second, decay], dict=True)[0]
    names = {
        eq.ETA: dm.LEARNING_RATE.symbol,
        eq.ETA2: dm.SECOND_RATE.symbol,
        eq.DECAY: dm.DECAY.symbol,
        eq.BATCH: dm.BATCH.symbol,
    }
    form = sp.Tuple(solved[rate], solved[second], solved[decay], share.subs(solved) * dm.TIME.symbol)
    return derivation(
        ("terms of the drift", sp.Tuple(*terms), "learning of M (that of Q is like it), noise of Q, layer, decay"),
        ("ratios", sp.Tuple(*equations), "every term at the other batch size times c = t_o/t is the term itself"),
        ("map", form.subs(names), "[eta, eta2, omega, t] at the other batch size"),
    )


_STATES = ((0.9, 0.4, 1.2, 0.8, 1.1), (0.6, -0.3, 1.0, 1.3, 0.7))


@dataclass(frozen=True)
class _Point:
    """One erf unit at a state: means over one sample of its pushes g = a e s' on the weights."""

    q: float
    m: float
    a: float
    pushes: Any
    layer: float
    square: float
    square_length: float
    mean_square: float

    def second_moment(self, batch: int, dimension: float) -> float:
        """Return E|sum_i g_i x_i|^2/(B^2 d) over the pairs of samples of a batch.

        Equal samples give E g^2 |x|^2/d, with d - 2 coordinates off the plane of the weights; different ones
        |E g x|^2/d.
        """
        equal = self.square * (dimension - 2) / dimension + self.square_length / dimension
        pairs = itertools.product(range(batch), repeat=2)
        return sum(equal if i == j else self.mean_square / dimension for i, j in pairs) / batch**2


@functools.lru_cache(maxsize=1)
def _points() -> tuple[_Point, ...]:
    import numpy as np
    from scipy.special import erf

    from theory.gaussian.quadrature import smooth_mean

    found = []
    for q, m, p, a, v in _STATES:
        covariance = np.array([[q, m], [m, p]])
        inverse = np.linalg.inv(covariance)

        def integrand(lam: Any, nu: Any, a: float = a, v: float = v, inverse: Any = inverse) -> Any:
            unit = erf(lam / 2**0.5)
            residual = v * erf(nu / 2**0.5) - a * unit
            push = a * residual * (2 / np.pi) ** 0.5 * np.exp(-lam * lam / 2)
            length = inverse[0, 0] * lam**2 + 2 * inverse[0, 1] * lam * nu + inverse[1, 1] * nu**2
            return np.stack([push * lam, push * nu, residual * unit, push**2, push**2 * length])

        mean = smooth_mean(integrand, covariance)
        found.append(_Point(q, m, a, mean[:2], *map(float, mean[2:]), float(mean[:2] @ inverse @ mean[:2])))
    return tuple(found)


def _definition(
    learning_rate: Any, batch_size: Any, other_batch_size: Any, second_layer_learning_rate: Any,
    weight_decay_rate: Any, time: Any,
) -> list[float]:  # fmt: skip
    """Solve for the rates and the time at which the mean changes of M, Q and a per unit of time agree.

    The mean change of Q contains all pairs of samples of a batch at d and 2d, extrapolated to d = infinity.
    """
    import numpy as np

    eta, second, decay = float(learning_rate), float(second_layer_learning_rate), float(weight_decay_rate)
    first, other = _points()
    moved = [eta * x.pushes[1] - decay * x.m for x in (first, other)]
    # c eta and c omega at the other batch size follow from M at two states
    rate, shrink = np.linalg.solve([[x.pushes[1], -x.m] for x in (first, other)], moved)
    layer = (second * first.layer - decay * first.a + shrink * first.a) / first.layer

    def noise(batch: Any) -> float:
        return 2 * first.second_moment(int(batch), 200.0) - first.second_moment(int(batch), 100.0)

    change = 2 * eta * first.pushes[0] + eta**2 * noise(batch_size) - 2 * decay * first.q
    left = change - 2 * rate * first.pushes[0] + 2 * shrink * first.q
    found = left / noise(other_batch_size) / rate
    share = rate / found
    return [float(x) for x in (found, layer / share, shrink / share, share * float(time))]


LAWS = (
    Law(
        id="order_parameters.mapping.minibatch",
        title="minibatch collapse",
        statement="Batches of B and of B' give the same overlaps after the same number of samples if all rates scale "
        "with the batch: [eta, eta2, omega, t] at B' is [eta r, eta2 r, omega r, t/r], r = B'/B, at any finite rate, "
        "as long as the rate stays small against the dimension.",
        quantity=sp.Symbol("map"),
        parameters=(
            dm.LEARNING_RATE,
            dm.BATCH,
            OTHER,
            dm.SECOND_RATE,
            dm.DECAY,
            dm.TIME.with_default(1.0),
        ),
        derive=_derive,
        definition=_definition,
        sources=(DERIVED, GOYAL),
        regime=LIMIT,
        rungs=("algebra", "chain", "sgd"),
        mutants=(
            mutant_result(
                "square root of the ratio",
                lambda value, batch_size, other_batch_size, **_: [
                    value[0] * (batch_size / other_batch_size) ** 0.5,
                    *value[1:],
                ],
            ),
            mutant_result("rate unchanged", lambda value, learning_rate, **_: [learning_rate, *value[1:]]),
            mutant_result("time unchanged", lambda value, time, **_: [*value[:3], time]),
            mutant_result(
                "decay unchanged", lambda value, weight_decay_rate, **_: [*value[:2], weight_decay_rate, value[3]]
            ),
            mutant_result(
                "layer unchanged",
                lambda value, second_layer_learning_rate, **_: [value[0], second_layer_learning_rate, *value[2:]],
            ),
        ),
    ),
)
