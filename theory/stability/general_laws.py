"""General statements about Type-II saddles: criterion, series, thresholds, mean-square boundaries."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

import theory.stability.symbols as sy
from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_form, mutant_parameters, mutant_value
from theory.parameter import Constraint, Parameter, positive, real
from theory.stability.exponents_elementary import NORMAL
from theory.stability.quadrature import log_mean
from theory.stability.standard import NormalX

eta, m, s, h = sy.eta, sy.m, sy.s, sy.h_
q2, q3, q4 = sp.symbols("q_2 q_3 q_4", real=True)
q, delta = sp.symbols("q delta", positive=True)

DEFICIT = Parameter("mean_curvature_deficit", delta, "delta = -E h of a saddle", positive(0.02, 0.3))
SECOND = Parameter("second_moment", q, "q = E h^2", positive(0.5, 2.5))
THIRD = Parameter("third_moment", q3, "c3 = E h^3 (raw)", real(-1.5, 1.5))
FOURTH = Parameter("fourth_moment", q4, "c4 = E h^4 (raw)", positive(1.0, 8.0))


def _normal_exponent(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> Any:
    return NORMAL.evaluate(15, learning_rate=learning_rate, curvature_mean=curvature_mean, curvature_std=curvature_std)


def _criterion() -> Derivation:
    growth = sp.Symbol("Lambda", real=True)
    return derivation(
        ("growth", sp.Sum(sp.log(sp.Abs(1 - eta * sp.IndexedBase("h")[sp.Symbol("t", integer=True)])),
                          (sp.Symbol("t", integer=True), 1, sp.Symbol("T", integer=True))),
         "log|n.(theta_T - theta*)| minus its start: a sum of iid terms on the eigendirection n"),
        ("drift", growth, "law of large numbers: the sum divided by T tends to Lambda = E log|1 - eta h|"),
        ("stability in probability", sp.Heaviside(-growth), "the sum tends to -infinity iff Lambda < 0"),
    )  # fmt: skip


def _stable(learning_rate: Any, curvature_mean: Any, curvature_std: Any) -> float:
    # Oracle: the sign of the defining integral, by quadrature.
    return float(log_mean(NormalX(), 1 - learning_rate * curvature_mean, learning_rate * curvature_std) < 0)


def _l1_stable(learning_rate: float, curvature_mean: float, curvature_std: float) -> float:
    mean, std = 1 - learning_rate * curvature_mean, learning_rate * curvature_std
    folded = std * mpmath.sqrt(2 / mpmath.pi) * mpmath.exp(-(mean**2) / (2 * std**2)) + mean * mpmath.erf(
        mean / (std * mpmath.sqrt(2))
    )
    return float(folded < 1)


RANK_ONE = Law(
    id="stability.probability.rank_one",
    title="Stability in probability is decided by the sign of the Lyapunov exponent",
    statement="n.(theta_t - theta*) -> 0 in probability iff Lambda = E log|1 - eta h| < 0; value 1 (stable) or 0, here "
    "for normal curvature of one sample.",
    quantity=sp.Function("stable")(eta, m, s),
    parameters=(sy.learning_rate(0.3, 3.0), sy.curvature_mean(-0.4, 0.8), sy.curvature_std()),
    derive=_criterion,
    evaluator=lambda _, v, digits: 1.0 if _normal_exponent(**v) < 0 else 0.0,
    definition=_stable,
    sources=(sy.SEED,),
    mutants=(
        mutant_value("sign of the mean curvature", lambda curvature_mean, **_: float(curvature_mean > 0)),
        mutant_value(
            "mean-square criterion",
            lambda learning_rate, curvature_mean, curvature_std: float(
                learning_rate * (curvature_mean**2 + curvature_std**2) < 2 * curvature_mean
            ),
        ),
        mutant_value("E|1 - eta h| < 1", _l1_stable),
    ),
    rungs=("algebra", "chain", "sgd", "net"),
    assumptions=("E log|1 - eta h| is finite and not zero", "T -> infinity"),
)


def _series() -> Derivation:
    expansion = sp.series(sp.log(1 - eta * h), eta, 0, 4).removeO()
    moments = {h**3: q3, h**2: q2, h: m}
    averaged = sp.expand(expansion).subs(moments)
    return derivation(
        ("logarithm of the multiplier", sp.log(1 - eta * h), "eta |h| < 1"),
        ("expansion", sp.expand(expansion), "Taylor in eta to third order"),
        ("mean", averaged, "E h^n"),
    )


def _series_definition(learning_rate: Any, curvature_mean: Any, second_moment: Any, third_moment: Any) -> Any:
    coefficients = mpmath.taylor(lambda x: mpmath.log(1 - x), 0, 3)
    moments = (1, curvature_mean, second_moment, third_moment)
    return mpmath.fsum(
        c * learning_rate**n * moment for n, (c, moment) in enumerate(zip(coefficients, moments, strict=True))
    )


SERIES = Law(
    id="stability.exponent.series",
    title="Small-step expansion of the exponent",
    statement="Lambda = -eta E h - eta^2 E h^2/2 - eta^3 E h^3/3 + O(eta^4); convergent only if eta|h| < 1 almost "
    "surely, otherwise asymptotic.",
    quantity=sy.exponent,
    parameters=(
        sy.learning_rate(0.05, 0.3),
        sy.curvature_mean(-1.0, 1.0),
        Parameter("second_moment", q2, "E h^2", positive(0.6, 2.0)),
        Parameter("third_moment", q3, "E h^3", real(-1.5, 1.5)),
    ),
    derive=_series,
    definition=_series_definition,
    sources=(sy.SEED,),
    mutants=(
        mutant_form("plus eta^2/2", lambda e: e.subs(q2, -q2)),
        mutant_value(
            "variance in place of E h^2",
            lambda learning_rate, curvature_mean, second_moment, third_moment: (
                -learning_rate * curvature_mean
                - learning_rate**2 * (second_moment - curvature_mean**2) / 2
                - learning_rate**3 * third_moment / 3
            ),
        ),
        mutant_form("coefficient 1 of eta^2", lambda e: e.subs(q2, 2 * q2)),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("learning_rate -> 0", "O(learning_rate^4)"),
    tolerance=1e-9,
)


def _leading() -> Derivation:
    two_terms = eta * delta - eta**2 * q / 2
    return derivation(
        ("exponent near the saddle", two_terms, "series of Lambda with E h = -delta, E h^2 = q"),
        ("zero", sp.solve(two_terms / eta, eta)[0], "Lambda < 0 beyond it: the saddle attracts"),
    )


LEADING = Law(
    id="stability.escape_threshold.leading",
    title="Learning rate beyond which a saddle attracts, leading order",
    statement="A saddle with E h = -delta < 0 and E h^2 = q attracts in probability for eta > 2 delta/q.",
    quantity=sp.Symbol("eta^*"),
    parameters=(DEFICIT, SECOND),
    derive=_leading,
    definition=lambda mean_curvature_deficit, second_moment: mpmath.findroot(
        lambda x: mean_curvature_deficit - x * second_moment / 2, mean_curvature_deficit
    ),
    sources=(sy.SEED,),
    mutants=(
        mutant_form("delta/q", lambda e: e / 2),
        mutant_value(
            "variance in place of E h^2",
            lambda mean_curvature_deficit, second_moment: (
                2 * mean_curvature_deficit / (second_moment - mean_curvature_deficit**2)
            ),
        ),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("delta/sqrt(q) -> 0", "O(delta^2)"),
)


def _third_order() -> Derivation:
    a1, a2, a3 = sp.symbols("a_1 a_2 a_3")
    balance = eta * q / 2 + eta**2 * q3 / 3 + eta**3 * q4 / 4
    ansatz = a1 * delta + a2 * delta**2 + a3 * delta**3
    expanded: Any = sp.expand(balance.subs(eta, ansatz) - delta)
    solution: dict[sp.Symbol, sp.Expr] = {}
    for order, unknown in enumerate((a1, a2, a3), 1):
        equation = expanded.coeff(delta, order).subs(solution)
        solution[unknown] = sp.factor(sp.solve(equation, unknown)[0])
    result = sp.Add(*[solution[a] * delta**i for i, a in enumerate((a1, a2, a3), 1)])
    return derivation(
        ("zero of the exponent", sp.Eq(delta, balance), "Lambda/eta = 0 with the moments of h to fourth order"),
        ("ansatz", ansatz, "power series in delta"),
        ("threshold", result, "solved order by order"),
    )


def _inverse_series(mean_curvature_deficit: Any, second_moment: Any, third_moment: Any, fourth_moment: Any) -> Any:
    # Lagrange inversion of delta = f(x): [delta^n] x = [x^(n-1)] (x/f(x))^n / n.
    def ratio(x: Any) -> Any:
        return 1 / (second_moment / 2 + x * third_moment / 3 + x**2 * fourth_moment / 4)

    return mpmath.fsum(
        mpmath.taylor(lambda x, n=n: ratio(x) ** n, 0, n - 1)[n - 1] / n * mean_curvature_deficit**n for n in (1, 2, 3)
    )


THIRD_ORDER = Law(
    id="stability.escape_threshold.third_order",
    title="Learning rate beyond which a saddle attracts, third order",
    statement="eta* = 2d/q - 8 c3 d^2/(3 q^3) + (64 c3^2 - 36 c4 q) d^3/(9 q^5) with d = -E h and raw moments.",
    quantity=sp.Symbol("eta^*"),
    parameters=(DEFICIT, SECOND, THIRD, FOURTH),
    derive=_third_order,
    definition=_inverse_series,
    sources=(sy.HERE,),
    mutants=(
        mutant_parameters("sign of the c3 term", lambda v: {"third_moment": -v["third_moment"]}),
        mutant_parameters("18 for 36", lambda v: {"fourth_moment": v["fourth_moment"] / 2}),
        mutant_parameters(
            "central third moment",
            lambda v: {
                "third_moment": v["third_moment"]
                + 3 * v["mean_curvature_deficit"] * v["second_moment"]
                - 2 * v["mean_curvature_deficit"] ** 3
            },
        ),
    ),
    rungs=("algebra", "chain"),
    regime=Regime("delta/sqrt(q) -> 0", "O(delta^4)"),
)

MOMENTS = Law(
    id="stability.moments.insufficient",
    title="The mean grows at every saddle, attractive or not",
    statement="E theta_t = (1 - eta E h)^t theta_0, so log E|a|^p >= log|1 - eta E h| > 0 for p >= 1 at a saddle: "
    "never L_p-stable although it may be stable in probability. Value: the growth rate log|1 - eta E h| of the mean.",
    quantity=sp.Symbol("L_1"),
    parameters=(sy.learning_rate(0.2, 2.0), Parameter("curvature_mean", m, "E h < 0", real(-1.2, -0.1))),
    derive=lambda: derivation(
        ("one step", (1 - eta * h) * sp.Symbol("theta"), "update"),
        ("mean", (1 - eta * m) * sp.Symbol("theta"), "independence of h and theta"),
        ("growth rate of the mean", sp.log(sp.Abs(1 - eta * m)), "logarithm; a lower bound of log E|a|^p by Jensen"),
    ),
    definition=lambda learning_rate, curvature_mean: mpmath.log(
        mpmath.quad(lambda x: (1 - learning_rate * (curvature_mean + x)) * mpmath.npdf(x), [-12, -4, 0, 4, 12])
    ),
    sources=(sy.SEED,),
    mutants=(
        mutant_value("no growth where SGD is stable in probability", lambda **_: 0.0),
        mutant_parameters("sign of E h", lambda v: {"curvature_mean": -v["curvature_mean"]}),
        mutant_value("continuous time", lambda learning_rate, curvature_mean: -learning_rate * curvature_mean),
    ),
    rungs=("algebra", "chain"),
    constraints=(Constraint(lambda v: v["curvature_mean"] < 0, "curvature_mean must be negative (a saddle)"),),
)


def _log_spectral_norm(**_: Any) -> Any:
    """E log of the larger singular value of a 2 x 2 normal matrix, density ~ (x^2 - y^2) e^{-(x^2+y^2)/2}."""

    # Polar coordinates x = r cos a, y = r sin a, 0 < a < pi/4: r^2 ~ chi2_4 and the angle has density 2 cos 2a.
    radial = (mpmath.log(2) + mpmath.digamma(2)) / 2
    return radial + mpmath.quad(lambda a: 2 * mpmath.cos(2 * a) * mpmath.log(mpmath.cos(a)), [0, mpmath.pi / 4])


sigma = sp.Symbol("sigma", positive=True)


def _typical_vector() -> Derivation:
    r = sp.Symbol("r", real=True)
    moment = 2**r * sp.gamma(1 + r)
    mean = sp.diff(moment, r).subs(r, 0).doit().rewrite(sp.EulerGamma)
    return derivation(
        ("one step", sp.Symbol("|M e|"), "the law of M is invariant under rotation: |M e| is iid along the product"),
        ("E (|M e|/sigma)^(2r)", moment, "chi-squared with 2 degrees of freedom"),
        ("E log(|M e|/sigma)^2", mean, "derivative of the moment at r = 0"),
        ("top exponent", sp.log(sigma) + sp.expand(mean) / 2, "half of it, plus log sigma"),
    )


FURSTENBERG = Law(
    id="stability.lyapunov.furstenberg",
    title="The top exponent of a matrix product is the growth rate of a typical vector",
    statement="max over theta_0 of lim E log growth/t exists and decides stability in probability; value for 2 x 2 "
    "matrices with iid N(0, sigma^2) entries, log(sigma) + (log 2 - gamma)/2.",
    quantity=sp.Symbol("Lambda_1"),
    parameters=(Parameter("entry_std", sigma, "standard deviation of the matrix entries", positive(0.4, 2.0)),),
    derive=_typical_vector,
    definition=lambda entry_std: mpmath.quad(
        lambda x: mpmath.log(entry_std * x) * x * mpmath.exp(-(x**2) / 2), [0, 1, 3, mpmath.inf]
    ),
    sources=(sy.SEED, sy.FURSTENBERG),
    mutants=(
        mutant_value(
            "E log of the spectral norm", lambda entry_std: float(mpmath.log(entry_std) + _log_spectral_norm())
        ),
        mutant_value("log of the root mean square growth", lambda entry_std: float(mpmath.log(2 * entry_std**2) / 2)),
    ),
    rungs=("algebra", "chain", "sgd"),
)


GENERAL_LAWS: tuple[Law, ...] = (
    RANK_ONE,
    SERIES,
    LEADING,
    THIRD_ORDER,
    MOMENTS,
    FURSTENBERG,
)
