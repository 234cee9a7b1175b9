"""Your own law, derived: the stationary variance of heavy-ball SGD on a noisy quadratic."""

import mpmath
import sympy as sp

from checks import Check, Gate, Margin
from numerics.statistics import Mean, Plan
from theory import DERIVED, Law, Parameter, derivation, interval, mutant_parameters, positive

eta, h, beta, s = sp.symbols("eta h beta sigma", positive=True)


def derive():
    """Solve for the second moments that one step v' = beta v + h theta + noise, theta' = theta - eta v' preserves."""
    a, b, c = sp.symbols("a b c")  # E theta^2, E theta v, E v^2
    step, before = sp.Matrix([[1 - eta * h, -eta * beta], [h, beta]]), sp.Matrix([[a, b], [b, c]])
    after = step * before * step.T + s**2 * sp.Matrix([[eta**2, -eta], [-eta, 1]])
    found = sp.solve([(after - before)[i] for i in (0, 1, 3)], [a, b, c])
    return derivation(("moments after one step", after, "linear update, independent noise"),
                      ("stationary variance", sp.factor(found[a]), "moments after = moments before"))  # fmt: skip


def by_summation(learning_rate, curvature, momentum, noise_std):
    """Definition: the noise of every past step, carried to the present, summed in squares."""
    x, v, total = -learning_rate, mpmath.mpf(1), mpmath.mpf(0)
    while abs(x) + abs(v) > mpmath.mpf(10) ** -14:
        total += x**2
        v = momentum * v + curvature * x
        x = x - learning_rate * v
    return noise_std**2 * total


law = Law(
    id="example.heavy_ball_variance", title="Stationary variance of heavy-ball SGD on a noisy quadratic",
    statement="v' = beta v + h theta + N(0, s^2), theta' = theta - eta v': the stationary variance of theta.",
    quantity=sp.Symbol("V"), derive=derive, definition=by_summation, sources=(DERIVED,), rungs=("algebra", "chain"),
    parameters=(
        Parameter("learning_rate", eta, "eta", positive(0.1, 0.6)),
        Parameter("curvature", h, "h", positive(0.5, 2.0)),
        Parameter("momentum", beta, "beta", interval(0, 1, region=(0.2, 0.8))),
        Parameter("noise_std", s, "standard deviation of the gradient noise", positive(0.5, 2.0)),
    ), mutants=(mutant_parameters("momentum ignored", lambda values: {"momentum": 0.0}),),
)  # fmt: skip


def simulate(chunk, *, learning_rate, curvature, momentum, noise_std, steps=150):
    """One chunk of replicas, from 0 until the start is forgotten."""
    x, v = chunk.normal(2, chunk.replicas) * 0
    for _ in range(steps):
        v = momentum * v + curvature * x + noise_std * chunk.normal(chunk.replicas)
        x = x - learning_rate * v
    return x**2


gate = Gate(laws=(law,))
point = {"learning_rate": 0.37, "curvature": 1.3, "momentum": 0.63, "noise_std": 0.8}
variance = Check(law=law, rung="chain", simulate=simulate, statistic=Mean(), cases={"generic": point},
                 margin=Margin(relative=0.03), plan=Plan(first=16384))  # fmt: skip
