"""The covariance of one step of any network of polynomial units, exactly: the diffusion matrix of the fluctuations."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.polys.rings import PolyElement, ring

from theory.derivation import Derivation, derivation
from theory.law import Law, mutant_result
from theory.order_parameters import domains as dm
from theory.order_parameters.activation import X, activation
from theory.order_parameters.clt_laws import diffusion
from theory.order_parameters.network_parameters import FITS, LIMIT, NETWORK
from theory.order_parameters.single_unit import ARNABOLDI, spoil
from theory.order_parameters.state import state_of
from theory.parameter import Constraint, text
from theory.source import DERIVED


def _derive(activation: str = "quadratic", teacher_activation: str = "same") -> Derivation:
    eta, b = dm.LEARNING_RATE.symbol, dm.BATCH.symbol
    e, nu, lj, ll = sp.symbols("E nu_r lam_j lam_l")
    aj, al, sj, sl = sp.symbols("a_j a_l s'_j s'_l")
    m, linear, square = (
        eta * aj * e * sj * nu,
        eta * e * (aj * sj * ll + al * sl * lj),
        eta**2 * aj * al * e**2 * sj * sl,
    )
    return derivation(
        ("per sample", sp.Tuple(m, linear, square), "changes of M_jr and Q_jl times d, |x|^2/d -> 1"),
        ("averaged over a batch", sp.Tuple(m, linear + square / b), "cross pairs of samples are O(1/d)"),
        ("covariance", sp.Symbol("Cov(m, q)/B"), "moments by Stein's recursion; label noise 1, 0, Delta, 0, 3 Delta^2"),
        ("Dm", sp.Symbol("Dm"), "order M row by row, then the upper triangle of Q"),
    )


def _number(value: Any) -> Fraction:
    return Fraction(repr(float(value)))


def _polynomial(name: str, variable: PolyElement) -> tuple[PolyElement, PolyElement]:
    """Return s and s' of a polynomial activation in a ring variable."""
    unit = activation(name)
    powers = sp.Poly(unit.expression, X).all_coeffs()[::-1]
    numbers = [sp.QQ(int(c.p), int(c.q)) for c in powers]
    value = sum((variable**n * c for n, c in enumerate(numbers)), variable.ring.zero)
    slope = sum((variable ** (n - 1) * (c * n) for n, c in enumerate(numbers) if n), variable.ring.zero)
    return value, slope


def increments(values: dict[str, Any]) -> tuple[list[PolyElement], list[list[Fraction]], Fraction]:
    """Return the changes of M and Q of one sample as polynomials in (z, xi), the covariance of z and Delta."""
    state = state_of(values, exact=False)
    p, size = state.students, state.students + state.teachers
    generators = ring([f"z{u}" for u in range(size)] + ["xi"], sp.QQ)[1:]
    z, xi = generators[:-1], generators[-1]
    units = [_polynomial(state.unit(u), z[u]) for u in range(size)]

    def rational(number: Any) -> Any:
        exact = _number(number)
        return sp.QQ(exact.numerator, exact.denominator)

    residual = xi + sum((units[u][0] * rational(w) for u, w in enumerate(state.weights)), xi.ring.zero)
    eta, batch = rational(state.eta), rational(state.batch)
    push = [residual * units[j][1] * (eta * rational(state.a[j])) for j in range(p)]
    found = [push[j] * f for j in range(p) for f in z[p:]]
    found += [push[j] * z[l] + push[l] * z[j] + push[j] * push[l] * (1 / batch) for j in range(p) for l in range(j, p)]
    return found, [[_number(x) for x in row] for row in state.covariance], _number(state.noise)


def exact_diffusion(values: dict[str, Any]) -> list[list[float]]:
    """Return (1/B) Cov of the increments in exact rational arithmetic, as floats."""
    found, omega, noise = increments(values)
    moments = {0: Fraction(1), 2: noise, 4: 3 * noise**2}

    @functools.cache
    def field_mean(powers: tuple[int, ...]) -> Fraction:
        if sum(powers) % 2:
            return Fraction(0)
        first = next((i for i, n in enumerate(powers) if n), None)
        if first is None:
            return Fraction(1)
        rest = [n - (i == first) for i, n in enumerate(powers)]
        lowered = (
            (n * omega[first][j], tuple(k - (i == j) for i, k in enumerate(rest))) for j, n in enumerate(rest) if n
        )
        return sum((weight * field_mean(reduced) for weight, reduced in lowered), Fraction(0))

    def mean(polynomial: PolyElement) -> Fraction:
        total = Fraction(0)
        for powers, c in polynomial.terms():
            if powers[-1] % 2 == 0:
                total += Fraction(int(c.numerator), int(c.denominator)) * moments[powers[-1]] * field_mean(powers[:-1])
        return total

    first = [mean(f) for f in found]
    batch = _number(values.get("batch_size") or 1)
    return [
        [float((mean(f * g) - first[i] * first[j]) / batch) for j, g in enumerate(found)] for i, f in enumerate(found)
    ]


def _definition(**values: Any) -> list[list[float]]:
    return diffusion(state_of(values)).tolist()


def _polynomials(values: dict[str, Any]) -> bool:
    names = [values["activation"]]
    names += [] if values.get("teacher_activation", "same") == "same" else [values["teacher_activation"]]
    units = [activation(n).expression for n in names]
    return all(u.is_polynomial(X) and all(c.is_Rational for c in sp.Poly(u, X).all_coeffs()) for u in units)


def _uncorrelated(value: Any, v: dict[str, Any]) -> Any:
    cut = len(dm.as_matrix(v["student_overlap"])) * len(dm.as_matrix(v["teacher_overlap"]))
    return [[x if (i < cut) == (j < cut) else 0.0 for j, x in enumerate(row)] for i, row in enumerate(value)]


_UNUSED = ("second_layer_learning_rate", "weight_decay_rate")
LAWS = (
    Law(
        id="order_parameters.fluctuation.general",
        title="covariance of one step, any numbers of polynomial units",
        statement="d^2 times the covariance of one step of (M row by row, Q upper triangle), d -> infinity, exactly.",
        quantity=sp.Symbol("Dm"),
        parameters=(
            dm.ACTIVATION.within(text("quadratic", "hermite2", "x**2/2 + x")),
            dm.TEACHER_ACTIVATION.within(text("same", "linear")),
            *(p for p in NETWORK[2:] if p.key not in _UNUSED),
        ),
        derive=_derive,
        definition=_definition,
        evaluator=lambda d, values, digits: exact_diffusion(values),
        structure=("activation", "teacher_activation"),
        display={"activation": "quadratic", "teacher_activation": "same"},
        constraints=(FITS, Constraint(_polynomials, "the activations must be polynomials with rational coefficients")),
        regime=LIMIT,
        sources=(ARNABOLDI, DERIVED),
        rungs=("algebra", "chain"),
        priority="C",
        gate_points=2,
        mutants=(
            spoil("Cov(M, Q) = 0", _uncorrelated),
            spoil("residual without label noise", lambda value, v: exact_diffusion({**v, "noise_variance": 0.0})),
            mutant_result("1/B missing", lambda value, batch_size, **_: [[batch_size * x for x in r] for r in value]),
        ),
    ),
)
