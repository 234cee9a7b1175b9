"""The balanced n-factor model: v = product of n equal factors, l = (x v - y)^2, as a diffusion of v > 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.parameter import Constraint, Parameter, choice, integer, interval, nonnegative, positive, real
from theory.symmetry import parameters as p
from theory.symmetry.identities import require_zero

V, T, NF = sp.Symbol("v", positive=True), sp.Symbol("T", positive=True), sp.Symbol("n", integer=True, positive=True)
B1, A1, A3 = (sp.Symbol(s, positive=True) for s in ("b_1", "a_1", "a_3"))
B2, A2, B = (sp.Symbol(s, real=True) for s in ("b_2", "a_2", "b"))
factors = Parameter("factors", NF, "number n of factors", integer(1, (2, 4)))
input_second_moment = Parameter("input_second_moment", B1, "b1 = E x^2", positive(0.5, 1.5))
input_target_moment = Parameter("input_target_moment", B2, "b2 = E x y", real(1.0, 2.0))
noise_quadratic = Parameter("noise_quadratic", A1, "a1 = Var x^2", nonnegative(0.5, 1.5))
noise_cross = Parameter("noise_cross", A2, "a2 = Cov(x^2, x y)", real(-0.4, 0.4))
noise_constant = Parameter("noise_constant", A3, "a3 = Var x y", positive(0.8, 1.6))
quantity = Parameter("quantity", None, "what is asked", choice("mean", "median", "quantile", "density_exponent"))
quantity = quantity.with_default("mean")
probability = Parameter("probability", None, "for quantity=quantile", interval(0.0, 1.0, region=(0.1, 0.9)))
probability = probability.with_default(0.5)
LEARNING_RATE = p.learning_rate.within(positive(0.05, 0.2))
SMALL_DECAY = p.weight_decay.within(nonnegative(0.02, 0.3))
MOMENTS = (input_second_moment, input_target_moment, noise_quadratic, noise_cross, noise_constant)

POSITIVE_NOISE = Constraint(
    lambda v: (
        (v["noise_quadratic"] == 0 and v["noise_cross"] == 0)
        or v["noise_quadratic"] * v["noise_constant"] > v["noise_cross"] ** 2
    ),
    "noise vanishes at some v: noise_quadratic*noise_constant must exceed noise_cross**2 (or the first two be 0)",
)
NORMALISABLE = Constraint(
    lambda v: (
        v["learning_rate"] / v["batch_size"] * v["noise_constant"] < v["input_target_moment"] - v["weight_decay"] / 2
    ),
    "no stationary density: v collapses to 0 unless learning_rate/batch_size*noise_constant < input_target_moment - "
    "weight_decay/2; lower the learning rate",
)


def noise_polynomial() -> sp.Expr:
    """Return A(v) = a1 v^2 - 2 a2 v + a3, the variance of x (x v - y)."""
    return A1 * V**2 - 2 * A2 * V + A3


def coefficients(n: Any) -> tuple[sp.Expr, sp.Expr]:
    """Return drift and squared diffusion of v, from Ito on v = product of n factors u_i.

    At |u_i| = v^{1/n}: dl/du_i = 2 x (x v - y) v/u_i. First derivatives of v give drift and noise, the second
    derivatives d^2 v/du_i du_j = v/(u_i u_j) for i != j the Ito term.
    """
    mean, variance = 2 * (B1 * V - B2), 4 * noise_polynomial()
    unit = V ** (1 - 1 / sp.sympify(n))
    drift = -n * unit * (mean * unit + p.DECAY * V ** (1 / sp.sympify(n)))
    second = V ** (1 - 2 / sp.sympify(n))
    ito = sp.Rational(1, 2) * n * (n - 1) * second * T * variance * unit**2
    diffusion = (n * unit) ** 2 * T * variance * unit**2
    return sp.powsimp(sp.expand(drift + ito)), sp.powsimp(diffusion)


def density_slope(n: Any) -> sp.Expr:
    """Return d log p/dv of the zero-flux density, (2 drift - diffusion')/diffusion."""
    drift, diffusion = coefficients(n)
    return (2 * drift - sp.diff(diffusion, V)) / diffusion


def check_slope(claimed: sp.Expr, n: Any) -> None:
    """Raise DerivationError unless a claimed d log p/dv has zero flux."""
    drift, diffusion = coefficients(n)
    flux = drift - sp.diff(diffusion, V) / 2 - diffusion / 2 * claimed
    require_zero(sp.simplify(flux), "the stationary flux")


def two_factor_log_density() -> sp.Expr:
    """Return log p of the two-factor model up to a constant, with b = b2 - wd/2 and D = a1 a3 - a2^2 > 0."""
    root = sp.sqrt(A1 * A3 - A2**2)
    power = (-sp.Rational(3, 2) + B / (2 * T * A3)) * sp.log(V)
    bulk = (-1 - B / (4 * T * A3)) * sp.log(noise_polynomial())
    angle = -(A3 * B1 - A2 * B) / (2 * T * A3 * root) * sp.atan((A1 * V - A2) / root)
    return power + bulk + angle


def derive_two_factor() -> Derivation:
    """Derive the stationary density of the two-factor model; verified by differentiation, as integration is slow."""
    drift, diffusion = coefficients(2)
    form = two_factor_log_density()
    check_slope(sp.diff(form, V).subs(B, B2 - p.DECAY / 2), 2)
    return derivation(
        ("[drift, diffusion]", sp.Tuple(drift, diffusion), "Ito on v = u_1 u_2 with u_1 = u_2"),
        ("log density", form, "zero flux; b = b2 - wd/2"),
    )


@dataclass(frozen=True)
class BalancedModel:
    """Numbers of one balanced model."""

    factors: int
    b1: Any
    b2: Any
    a1: Any
    a2: Any
    a3: Any
    temperature: Any
    weight_decay: Any

    @classmethod
    def of(cls, values: dict[str, Any]) -> BalancedModel:
        """Read the keys of a law."""
        moments = (to_mp(values.get(q.key, 0)) for q in MOMENTS)
        temperature = to_mp(values["learning_rate"]) / to_mp(values["batch_size"])
        return cls(int(values.get("factors", 2)), *moments, temperature, to_mp(values["weight_decay"]))

    @property
    def b(self) -> Any:
        """b2 - wd/2."""
        return self.b2 - self.weight_decay / 2

    def noise(self, v: Any) -> Any:
        """A(v)."""
        return self.a1 * v * v - 2 * self.a2 * v + self.a3

    def flux_slope(self, v: Any) -> Any:
        """d log p/d ln v from drift and diffusion of v, written out from the loss (any number type)."""
        n, one = self.factors, 1
        unit = v ** (1 - one / mpmath.mpf(n)) if isinstance(v, mpmath.mpf) else v ** (1 - 1 / n)
        mean, variance = 2 * (self.b1 * v - self.b2), 4 * self.noise(v)
        drift = -n * (mean * unit**2 + self.weight_decay * v) + n * (n - 1) * self.temperature * variance * unit**4 / (
            2 * v
        )
        diffusion = n * n * self.temperature * variance * unit**4
        # v d/dv of n^2 T 4 A v^{4 - 4/n}
        growth = (
            n * n * self.temperature * unit**4 * 4 * ((4 - 4 / n) * self.noise(v) + (2 * self.a1 * v - 2 * self.a2) * v)
        )
        return (2 * drift * v - growth) / diffusion

    def plain(self) -> BalancedModel:
        """Return the model in floats."""
        return BalancedModel(self.factors, *map(float, (self.b1, self.b2, self.a1, self.a2, self.a3,
                                                         self.temperature, self.weight_decay)))  # fmt: skip
