"""Statistics that decide: intervals, three-valued verdicts, plans and one error budget.

What is asked. A law predicts a number; a simulation gives replicas. The question is never "is the difference
significant?", for then a small sample would speak for every law. It is an *equivalence* question: does the whole
confidence interval lie within ``prediction +- margin``? If so the law is CONFIRMED at the resolution of the margin.
If the interval lies wholly outside, the law is REFUTED. Otherwise nothing is known: INCONCLUSIVE, and the sample
doubles. A sample that can support no statement (not finite, too small, heavy tails) is INVALID.

Errors. If the true value lies within the margin, a false REFUTED needs an interval that misses it, which has
probability alpha at most; if it lies outside, so does a false CONFIRMED. ``Budget`` spreads the error probability of a
whole suite over its claims, ``Plan`` spreads a claim's share over its K looks at n, 2n, 4n, ... replicas, and intervals
of vectors spread it over their components: three union bounds, no independence needed. Doubling with a union
bound costs 7 to 22 % in width against one fixed-size interval; a confidence sequence valid at every n would cost more.

Mutants. Wrong versions of the law are compared with the same state; a check in which one of them is not REFUTED
could not have failed, and counts for nothing.

States. Each statistic reduces one chunk of replicas to a small JSON-able state; states merge. Floats survive JSON bit
for bit. The engine merges in chunk order, so that the result does not depend on who computed which chunk.
"""

from numerics.statistics.covariance import Covariance, Variance
from numerics.statistics.crossing import Crossing
from numerics.statistics.distribution import Distribution, Quantile
from numerics.statistics.mean import Mean
from numerics.statistics.plan import Budget, Plan
from numerics.statistics.probability import Probability, Rate
from numerics.statistics.slope import Slope
from numerics.statistics.verdict import (
    Comparison,
    State,
    Statistic,
    Verdict,
    decide,
    exact,
    replicas_needed,
    resolution,
    state_count,
)

__all__ = [
    "Budget",
    "Comparison",
    "Covariance",
    "Crossing",
    "Distribution",
    "Mean",
    "Plan",
    "Probability",
    "Quantile",
    "Rate",
    "Slope",
    "State",
    "Statistic",
    "Variance",
    "Verdict",
    "decide",
    "exact",
    "replicas_needed",
    "resolution",
    "state_count",
]
