"""Your own law, as a bare formula: the long-run variance of averaged iterates does not depend on the learning rate."""

from checks import Check, Margin
from numerics.statistics import Mean, Plan
from theory import conjecture, mutant_value

law = conjecture(
    "example.averaged_iterates",
    "steps * E(mean of theta)^2 = noise_std**2 / curvature**2",
    "noise_std**2 / curvature**2",
    title="Averaged SGD iterates on a quadratic reach the optimal variance for every learning rate",
    regime="steps -> infinity, error O(1/steps)",
    unused=("learning_rate",),
    mutants=(mutant_value("single iterate", lambda learning_rate, curvature, noise_std:
             learning_rate * noise_std**2 / (curvature * (2 - learning_rate * curvature))),),
)  # fmt: skip


def simulate(chunk, *, learning_rate, curvature, noise_std, steps=600):
    """Average the iterates of theta' = theta - eta (h theta + s N) and scale by the number of steps."""
    theta = total = 0 * chunk.normal(chunk.replicas)
    for _ in range(steps):
        theta = theta - learning_rate * (curvature * theta + noise_std * chunk.normal(chunk.replicas))
        total = total + theta
    return steps * (total / steps) ** 2


def first_correction(prediction, *, learning_rate, curvature, **_):
    """The start at 0 is forgotten after 1/(eta h) of the 600 steps: relative error of about twice that share."""
    return prediction * 2 / (600 * learning_rate * curvature)


average = Check(
    law=law, rung="chain", simulate=simulate, statistic=Mean(), plan=Plan(first=16384),
    margin=Margin(relative=0.03, model=first_correction),
    cases={
        "slow": {"learning_rate": 0.23, "curvature": 1.3, "noise_std": 0.8},
        "fast": {"learning_rate": 0.71, "curvature": 0.9, "noise_std": 1.2},
    },
)  # fmt: skip
