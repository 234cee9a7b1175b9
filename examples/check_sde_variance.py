"""Your own law, deliberately wrong: the variance of the diffusion approximation, claimed for the discrete chain."""

import mpmath
import sympy as sp

from checks import REFUTED, Check, Margin
from numerics.statistics import Mean, Plan
from theory import DERIVED, Law, Parameter, derivation, positive

eta, h, s = sp.symbols("eta h sigma", positive=True)
x, t = sp.symbols("x t", real=True)


def derive():
    """Stationary variance of d theta = -h theta dt + sqrt(eta) s dW."""
    variance = sp.integrate(eta * s**2 * sp.exp(-2 * h * t), (t, 0, sp.oo))
    return derivation(("variance of the diffusion", variance, "Ito isometry, start at -infinity"))


law = Law(
    id="example.sde_variance",
    title="Stationary variance of SGD on a quadratic, diffusion approximation",
    statement="theta' = theta - eta (h theta + s N): Var theta = eta s^2 / (2 h), as the diffusion limit has it.",
    quantity=sp.Symbol("V"),
    parameters=(
        Parameter("learning_rate", eta, "eta", positive(0.2, 0.9)),
        Parameter("curvature", h, "h", positive(0.5, 2.0)),
        Parameter("noise_std", s, "standard deviation of the gradient noise", positive(0.5, 2.0)),
    ),
    derive=derive,
    definition=lambda learning_rate, curvature, noise_std: mpmath.quad(
        lambda u: learning_rate * noise_std**2 * mpmath.exp(-2 * curvature * u), [0, 1, 5, mpmath.inf]
    ),
    sources=(DERIVED,),
    mutants=(),
    rungs=("chain",),
)


def simulate(chunk, *, learning_rate, curvature, noise_std, steps=60):
    """The discrete chain itself."""
    theta = 0 * chunk.normal(chunk.replicas)
    for _ in range(steps):
        theta = theta - learning_rate * (curvature * theta + noise_std * chunk.normal(chunk.replicas))
    return theta**2


variance = Check(
    law=law, rung="chain", simulate=simulate, statistic=Mean(), margin=Margin(relative=0.03), plan=Plan(first=16384),
    cases={"generic": {"learning_rate": 0.43, "curvature": 1.2, "noise_std": 0.9}},
    expected=REFUTED, reason="the diffusion drops the factor 2/(2 - eta h) of the discrete chain",
    rival=lambda learning_rate, curvature, noise_std:
        learning_rate * noise_std**2 / (curvature * (2 - learning_rate * curvature)),
)  # fmt: skip
