"""Symbols, parameters and sources of the principal_flow family: one place for every key and its meaning."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from theory.derivation import Derivation
from theory.errors import DomainError
from theory.evaluation import converged, mp_function, to_mp
from theory.parameter import Constraint, Domain, Parameter, integer, matrix, positive, real, real_list
from theory.source import Source
from theory.trees import from_levels, levels, trees

h, x, lam, b, r, eps = sp.symbols("h x lambda b r epsilon", real=True)
g, curvs, comps, T = (sp.IndexedBase(name) for name in ("g", "lambda", "c", "T"))
H = sp.IndexedBase("H")
n = sp.Symbol("n", integer=True, positive=True)
m = sp.Symbol("m", integer=True, positive=True)
N = sp.Symbol("N", integer=True, positive=True)
i, j, k, l = (sp.Symbol(name, integer=True) for name in ("i", "j", "k", "l"))
"""Indices of components; ``i`` is the free one of vector laws."""


@dataclass(frozen=True)
class TreeDomain(Domain):
    """Level sequences of rooted trees; generic points are all trees with up to ``largest`` nodes."""

    largest: int = 7

    def describe(self) -> str:
        """Return the domain in words."""
        return "the level sequence of a rooted tree, for example [0, 1, 2, 1]"

    def problem(self, value: Any) -> str | None:
        """Return why the value is no level sequence, or None."""
        if not isinstance(value, (list, tuple)):
            return f"must be {self.describe()}"
        try:
            from_levels(value)
        except DomainError as error:
            return f"is not valid: {error}"
        return None if len(value) <= 12 else "has more than 12 nodes; give a smaller tree"

    def draw(self, rng: random.Random) -> Any:
        """Draw one tree."""
        return list(levels(rng.choice([t for size in range(1, self.largest + 1) for t in trees(size)])))


def tree_parameter(largest: int = 7) -> Parameter:
    """The key ``tree`` with generic points up to ``largest`` nodes."""
    return Parameter("tree", None, "level sequence of the tree", TreeDomain("list", region=(0.0, 1.0), largest=largest))


learning_rate = Parameter("learning_rate", h, "learning rate h", positive(0.02, 0.3))
scaled_curvature = Parameter("scaled_curvature", x, "x = learning rate times curvature", real(-2.0, 3.5))
curvature = Parameter("curvature", lam, "eigenvalue of the Hessian", real(-4.0, 4.0))
curvatures = Parameter("curvatures", curvs, "eigenvalues of the Hessian", real_list(-4.0, 9.0, (2, 4)), length=n)
gradient_component = Parameter("gradient_component", sp.Symbol("c", real=True), "u_i.g", real(-2.0, 2.0))
gradient_components = Parameter(
    "gradient_components", comps, "u_i.g in the order of the curvatures", real_list(-2.0, 2.0, (2, 4))
)
gradient = Parameter("gradient", g, "gradient of the loss", real_list(0.3, 2.0, (2, 3)), length=n)
hessian = Parameter("hessian", H, "Hessian of the loss (symmetric)", matrix(-2.0, 2.0, (2, 3)))
third_contraction = Parameter(
    "third_derivative_contraction", T, "third derivative contracted twice with the gradient, T(g,g)",
    real_list(-2.0, 2.0, (2, 3)), length=n,
)  # fmt: skip
gradient_jet = Parameter(
    "gradient_jet", g, "[g, g', g'', ...] of a loss in one dimension; missing entries are 0",
    real_list(-1.5, 1.5, (4, 7)), length=n,
)  # fmt: skip
order = Parameter("order", N, "number of terms kept", integer(1, (1, 6), 12))
momentum = Parameter("momentum", b, "momentum b", Domain("real", 0.0, 1.0, high_open=True, region=(0.2, 0.9)))
second_moment_decay = Parameter(
    "second_moment_decay", r, "decay r of the average of squared gradients",
    Domain("real", low=0.0, high=1.0, high_open=True, region=(0.3, 0.95)),
)  # fmt: skip
epsilon = Parameter("epsilon", eps, "regulariser of the root", positive(0.05, 1.5))

ROSCA = Source(
    "rosca2023", "M. Rosca, Y. Wu, C. Qin, B. Dherin",
    "On a continuous time model of gradient descent dynamics and instability in deep learning", 2023, venue="TMLR",
)  # fmt: skip
BARRETT = Source("barrett2021", "D. G. T. Barrett, B. Dherin", "Implicit gradient regularization", 2021)
HAIRER = Source(
    "hairer2006", "E. Hairer, C. Lubich, G. Wanner", "Geometric numerical integration", 2006, venue="Springer"
)
SMITH = Source(
    "smith2021", "S. L. Smith, B. Dherin, D. G. T. Barrett, S. De",
    "On the origin of implicit regularization in stochastic gradient descent", 2021,
)  # fmt: skip
GHOSH = Source(
    "ghosh2023", "A. Ghosh, H. Lyu, X. Zhang, R. Wang",
    "Implicit regularization in heavy-ball momentum accelerated SGD",
    2023,
)  # fmt: skip
CATTANEO = Source("cattaneo2024", "M. D. Cattaneo, J. M. Klusowski, B. Shigida", "On the implicit bias of Adam", 2024)
LEWKOWYCZ = Source(
    "lewkowycz2020", "A. Lewkowycz, Y. Bahri, E. Dyer, J. Sohl-Dickstein, G. Gur-Ari",
    "The large learning rate phase of deep learning: the catapult mechanism", 2020,
)  # fmt: skip
KREISLER = Source(
    "kreisler2023", "I. Kreisler, M. S. Nacson, D. Soudry, Y. Carmon",
    "Gradient descent monotonically decreases the sharpness of gradient flow solutions in scalar networks and beyond",
    2023,
)  # fmt: skip
CHEN = Source("chen2023", "L. Chen, J. Bruna", "Beyond the edge of stability via two-step gradient updates", 2023)
DAMIAN = Source("damian2023", "A. Damian, E. Nichani, J. D. Lee", "Self-stabilization", 2023)
COHEN = Source(
    "cohen2024", "J. M. Cohen, A. Damian, A. Talwalkar, J. Z. Kolter, J. D. Lee",
    "Understanding optimization in deep learning with central flows", 2024,
)  # fmt: skip
BLANC = Source(
    "blanc2020", "G. Blanc, N. Gupta, G. Valiant, P. Valiant",
    "Implicit regularization for deep neural networks driven by an Ornstein-Uhlenbeck like process", 2020,
)  # fmt: skip


def _symmetric(values: Any) -> bool:
    rows = values["hessian"]
    return all(abs(rows[a][c] - rows[c][a]) < 1e-12 for a in range(len(rows)) for c in range(a))


def _same_lengths(*keys: str) -> Callable[[Any], bool]:
    return lambda values: len({len(values[key]) for key in keys}) == 1


def same_lengths(*keys: str) -> Constraint:
    """The lists (or rows) must have equal lengths."""
    return Constraint(_same_lengths(*keys), f"{' and '.join(keys)} must have the same length; give one entry each")


square_hessian = Constraint(
    lambda v: all(len(row) == len(v["hessian"]) for row in v["hessian"]) and _symmetric(v),
    "hessian must be square and symmetric; give [[a, b], [b, c]]",
)
not_singular = Constraint(
    lambda v: abs(v["scaled_curvature"] - 1) > 1e-12,
    "scaled_curvature must not be 1 (singular coefficient: one-step convergence along this direction)",
)


@dataclass(frozen=True)
class SymmetricDomain(Domain):
    """Symmetric matrices: generic points are symmetrised."""

    def draw(self, rng: random.Random) -> Any:
        """Draw a symmetric matrix."""
        size = rng.randint(*self.sizes)
        low, high = self.region
        rows = [[0.0] * size for _ in range(size)]
        for row in range(size):
            for column in range(row + 1):
                rows[row][column] = rows[column][row] = round(rng.uniform(low, high), 6)
        return rows


hessian = hessian.within(SymmetricDomain("matrix", region=(-2.0, 2.0), sizes=(2, 3)))


def vector_evaluator(parameters: tuple[Parameter, ...], size_key: str) -> Callable[..., Any]:
    """Evaluator of a form in the component index ``i``: one number per entry of the list ``size_key``."""

    def evaluator(derivation: Derivation, values: dict[str, Any], digits: int) -> Any:
        symbols = (i, n, *(p.symbol for p in parameters))
        function = mp_function(derivation.result, symbols)
        size = len(values[size_key])

        def component(index: int) -> Any:
            return converged(lambda: function(index, size, *(to_mp(values[p.key]) for p in parameters)), digits)

        return [component(index) for index in range(size)]

    return evaluator
