"""Laws of heavy ball and Nesterov: modified losses, principal coefficients and growth."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.law import Law, Regime, mutant_parameters, mutant_value
from theory.parameter import Constraint, real
from theory.principal_flow import symbols as s
from theory.principal_flow.formal_orbit import momentum_terms
from theory.source import DERIVED
from theory.trees import coefficient
from theory.trees.coefficients import MOMENTUM

_METHODS = {"heavy_ball": "heavy-ball", "nesterov": "nesterov"}
TITLES = {"heavy_ball": "heavy ball", "nesterov": "Nesterov's method"}
Trace = Callable[[Any, Any], Any]
TRACE: dict[str, Trace] = {"heavy_ball": lambda x, b: 1 + b - x, "nesterov": lambda x, b: (1 + b) * (1 - x)}
DETERMINANT: dict[str, Trace] = {"heavy_ball": lambda x, b: b, "nesterov": lambda x, b: b * (1 - x)}


def other(name: str) -> str:
    """Return the name of the other momentum method."""
    return "nesterov" if name == "heavy_ball" else "heavy_ball"


def recursion(name: str) -> Any:
    """theta_(k+1) in terms of theta_k and theta_(k-1) on a quadratic, from the update."""
    now, before, r = sp.symbols("theta_k theta_(k-1) r")
    velocity: Any = now - before
    point = now if name == "heavy_ball" else now + s.b * velocity
    after: Any = sp.expand(now + s.b * velocity - s.x * point)
    characteristic: Any = sp.expand(r**2 - after.coeff(now) * r - after.coeff(before))
    trace, determinant = -characteristic.coeff(r, 1), characteristic.coeff(r, 0)
    return after, sp.factor(trace), sp.factor(determinant)


def roots_form(name: str) -> tuple[Any, Any]:
    """r_+ and r_- as expressions in x and b; the principal root of a negative discriminant has Im >= 0."""
    _, trace, determinant = recursion(name)
    root = sp.sqrt(trace**2 - 4 * determinant)
    return (trace + root) / 2, (trace - root) / 2


def float_roots(name: str, x: float, b: float) -> tuple[complex, complex]:
    """r_+ and r_- in floats."""
    t, d = TRACE[name](x, b), DETERMINANT[name](x, b)
    root = cmath.sqrt(complex(t * t - 4 * d))
    return (t + root) / 2, (t - root) / 2


def companion(name: str, x: Any, b: Any) -> Any:
    """One step of the method on E = theta^2/2 with h = x, applied to (theta, v) basis states."""
    columns = []
    for theta, v in ((mpmath.mpf(1), mpmath.mpf(0)), (mpmath.mpf(0), mpmath.mpf(1))):
        velocity = b * v - x * (theta if name == "heavy_ball" else theta + b * v)
        columns.append([theta + velocity, velocity])
    return mpmath.matrix([[columns[0][0], columns[1][0]], [columns[0][1], columns[1][1]]])


def _eigenvalues(name: str, x: Any, b: Any) -> list[Any]:
    with mpmath.workdps(2 * mpmath.mp.dps + 10):
        return list(mpmath.eig(companion(name, x, b), left=False, right=False))


def radius(name: str, x: Any, b: Any) -> Any:
    """Return the spectral radius of one step on (theta, v)."""
    return max(abs(e) for e in _eigenvalues(name, x, b))


_LOSS = sp.Symbol("coefficient(|g|^2)")


def _loss_steps(name: str) -> Callable[..., Derivation]:
    def derive() -> Derivation:
        field = coefficient(((),), _METHODS[name]).subs(MOMENTUM, s.b)
        return derivation(
            ("field of the tree [.]", s.h * field * sp.Symbol("Hg"), "orbit on the slow manifold, two minus signs"),
            ("gradient of C |g|^2", 2 * sp.Symbol("C") * sp.Symbol("Hg"), "C (2 H g) = minus the field"),
            ("C", sp.factor(-s.h * field / 2), "coefficient of |g|^2"),
        )

    return derive


def _loss_definition(name: str) -> Callable[..., Any]:
    def definition(learning_rate: Any, momentum: Any) -> Any:
        g0, slope, bend = mpmath.mpf("0.7"), mpmath.mpf("1.3"), mpmath.mpf("0.4")
        field = lambda v: [-(g0 + slope * v[0] + bend * v[0] * v[0])]  # noqa: E731
        terms = momentum_terms(field, [mpmath.mpf(0)], 2, momentum, nesterov=name == "nesterov")
        return -learning_rate * terms[1][0] / (2 * slope * g0)

    return definition


def _loss_value(name: str, power: int = 3) -> Callable[..., float]:
    def value(learning_rate: float, momentum: float) -> float:
        b = momentum
        top = 1 + b if name == "heavy_ball" else 1 - b + 2 * b * b
        return learning_rate * top / (4 * (1 - b) ** power)

    return value


def _modified_loss(name: str, mutants: Any) -> Law:
    return Law(
        id=f"principal_flow.modified_loss.{name}",
        title=f"Implicit gradient regularisation of {TITLES[name]}",
        statement="the field to second order is the gradient flow of E/(1-b) + C |g|^2; value: C",
        quantity=_LOSS,
        parameters=(s.learning_rate, s.momentum),
        derive=_loss_steps(name),
        definition=_loss_definition(name),
        sources=(s.GHOSH,) if name == "heavy_ball" else (DERIVED,),
        mutants=mutants,
        rungs=("algebra", "flow", "chain", "net"),
        regime=Regime("learning_rate -> 0", "O(h^2) in the field after burn-in"),
    )


_MODIFIED = (
    _modified_loss("heavy_ball", (
        mutant_value("(1-b)^2", _loss_value("heavy_ball", 2)),
        mutant_value("1+b -> 1", lambda learning_rate, momentum: learning_rate / (4 * (1 - momentum) ** 3)),
        mutant_value("rescaled GD h/(4(1-b)^2)", lambda learning_rate, momentum: (
            learning_rate / (4 * (1 - momentum) ** 2))),
    )),
    _modified_loss("nesterov", (
        mutant_value("heavy ball's formula", _loss_value("heavy_ball")),
        mutant_value("1-b+b^2", lambda learning_rate, momentum: (
            learning_rate * (1 - momentum + momentum**2) / (4 * (1 - momentum) ** 3))),
    )),
)  # fmt: skip

_LIMIT = {
    "heavy_ball": Constraint(
        lambda v: v["scaled_curvature"] < (1 + math.sqrt(v["momentum"])) ** 2,
        "scaled_curvature must be below (1 + sqrt(momentum))^2, beyond which the slow root no longer exists",
    ),
    "nesterov": Constraint(
        lambda v: v["scaled_curvature"] < 1,
        "scaled_curvature must be below 1, beyond which the slow root no longer dominates",
    ),
}


def _alpha_steps(name: str) -> Callable[..., Derivation]:
    def derive() -> Derivation:
        after, _, _ = recursion(name)
        slow = roots_form(name)[0]
        return derivation(
            ("recursion on a quadratic", after, "eliminating the velocity"),
            ("slow root", slow, "root of the characteristic polynomial that is 1 at x = 0"),
            (
                "alpha",
                sp.Piecewise((-1 / (1 - s.b), sp.Eq(s.x, 0)), (sp.log(slow) / s.x, True)),
                "theta_k = r_+^k theta_0",
            ),
        )

    return derive


def _alpha_definition(name: str) -> Callable[..., Any]:
    def definition(scaled_curvature: Any, momentum: Any) -> Any:
        values = _eigenvalues(name, scaled_curvature, momentum)
        # Below the branch point the slow root is the larger one, beyond it the one with Im > 0.
        complex_pair = max(abs(mpmath.im(v)) for v in values) > mpmath.mpf(10) ** -12
        slow = max(values, key=mpmath.im if complex_pair else mpmath.re)
        return mpmath.log(slow if complex_pair else mpmath.re(slow)) / scaled_curvature

    return definition


def _alpha_of(name: str, which: int) -> Callable[..., list[float]]:
    def value(scaled_curvature: float, momentum: float) -> list[float]:
        root = float_roots(name, scaled_curvature, momentum)[which]
        a = cmath.log(root) / scaled_curvature
        return [a.real, a.imag]

    return value


def _gd_alpha(scaled_curvature: float, momentum: float) -> list[float]:
    z = 1 - scaled_curvature / (1 - momentum)
    a = (math.log(abs(z) + 1e-300) + (1j * math.pi if z < 0 else 0)) / scaled_curvature
    return [complex(a).real, complex(a).imag]


def _coefficient(name: str) -> Law:
    return Law(
        id=f"principal_flow.coefficient.{name}",
        title=f"Principal coefficient of {TITLES[name]}",
        statement="alpha = log r_+(x)/x on a quadratic, r_+ continuous from r = 1 at x = 0, Im >= 0",
        quantity=sp.Function("alpha")(s.x, s.b),
        parameters=(s.scaled_curvature.within(real(-1.5, 0.9)), s.momentum),
        derive=_alpha_steps(name),
        definition=_alpha_definition(name),
        sources=(DERIVED,),
        mutants=(
            mutant_value("log(1-x/(1-b))/x", _gd_alpha),
            mutant_value("r_-", _alpha_of(name, 1)),
            mutant_parameters("b -> b^2", lambda v: {"momentum": v["momentum"] ** 2}),
        ),
        rungs=("algebra", "flow"),
        constraints=(_LIMIT[name],),
        complex_valued=True,
    )


def _growth_steps(name: str) -> Callable[..., Derivation]:
    def derive() -> Derivation:
        plus, minus = roots_form(name)
        return derivation(
            ("roots", sp.Tuple(plus, minus), "characteristic polynomial of the recursion"),
            ("exponent", sp.log(sp.Max(sp.Abs(plus), sp.Abs(minus), evaluate=False)), "both roots take part"),
        )

    return derive


def _growth(name: str) -> Law:
    def value(_: Derivation, values: dict[str, Any], digits: int) -> Any:
        from theory.evaluation import converged, mp_function, to_mp

        functions = [mp_function(f, (s.x, s.b)) for f in roots_form(name)]
        given = (values["scaled_curvature"], values["momentum"])
        return converged(lambda: mpmath.log(max(abs(f(*to_mp(list(given)))) for f in functions)), digits)

    return Law(
        id=f"principal_flow.growth_exponent.{name}",
        title=f"Growth per step of {TITLES[name]} along an eigenvector",
        statement="log max(|r_+|, |r_-|) per step, the tangent dynamics at a critical point",
        quantity=sp.Symbol("Lambda"),
        parameters=(s.scaled_curvature.within(real(-1.0, 4.5)), s.momentum),
        derive=_growth_steps(name),
        definition=lambda scaled_curvature, momentum: mpmath.log(radius(name, scaled_curvature, momentum)),
        sources=(DERIVED,),
        mutants=(
            mutant_value("log|r_+|", lambda scaled_curvature, momentum: (
                math.log(abs(float_roots(name, scaled_curvature, momentum)[0]) + 1e-300))),
            mutant_value(f"roots of {other(name)}", lambda scaled_curvature, momentum: math.log(
                max(map(abs, float_roots(other(name), scaled_curvature, momentum))))),
        ),
        rungs=("algebra", "chain", "net"),
        evaluator=value,
    )  # fmt: skip


_NAMES = ("heavy_ball", "nesterov")
LAWS = _MODIFIED + tuple(make(n) for make in (_coefficient, _growth) for n in _NAMES)
