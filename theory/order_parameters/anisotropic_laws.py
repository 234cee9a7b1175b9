"""Nonlinear units on inputs whose covariance C is not the identity: the drift of (Q, M) is not a function of (Q, M).

With fields lambda = w.x/sqrt d, nu = w*.x/sqrt d the overlaps are Q = w'Cw/d, M = w'Cw*/d, P = w*'Cw*/d. One step moves
w along x, so that Q and M move along the fields of C w and C w*, whose covariances with lambda and nu are the overlaps
of second order w'C^2w/d and so on. Their own drift needs C^3: the hierarchy closes for C = I or for linear units only.
"""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import to_mp
from theory.gaussian import gaussian_mean
from theory.gaussian.numeric import form_function
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.law import Law, Mutant
from theory.order_parameters import domains as dm
from theory.order_parameters.activation import X, activation
from theory.order_parameters.network_parameters import LIMIT
from theory.parameter import Constraint, Parameter, real_list, text
from theory.source import DERIVED

_ETA, _NOISE = dm.LEARNING_RATE.symbol, dm.NOISE.symbol
_LAMBDA, _NU, _MOVED = sp.symbols("lam nu moved", real=True)
_Q, _P = sp.symbols("Q P", positive=True)
_M, _QQ, _MM, _PP = sp.symbols("M Q2 M2 P2", real=True)
_SIZE = sp.Symbol("tau", positive=True)
_SYMBOLS = (_Q, _M, _P, _QQ, _MM, _PP, _SIZE, _ETA, _NOISE)
_PARAMETERS = (
    dm.ACTIVATION.within(text("erf", "sine", "cubic")),
    Parameter(
        "input_variances", None, "eigenvalues of the input covariance", real_list(0.3, 1.8, (3, 3), positive=True)
    ),
    Parameter("student_weights", None, "student in that basis", real_list(-1.2, 1.2, (3, 3))),
    Parameter("teacher_weights", None, "teacher in that basis", real_list(-1.2, 1.2, (3, 3))),
    dm.LEARNING_RATE,
    dm.NOISE,
)


def _derive(activation: str = "erf") -> Derivation:
    unit = _unit(activation)
    residual = unit.at(_NU) - unit.at(_LAMBDA)

    def drift(with_student: Any, with_teacher: Any) -> Any:
        """E[e s' moved] for a field with these covariances."""
        c = sp.Matrix([[_Q, _M, with_student], [_M, _P, with_teacher], [with_student, with_teacher, _SIZE]])
        return _ETA * gaussian_mean(residual * unit.slope(_LAMBDA) * _MOVED, (_LAMBDA, _NU, _MOVED), c).form

    pair = sp.Matrix([[_Q, _M], [_M, _P]])
    square = gaussian_mean(unit.slope(_LAMBDA) ** 2 * (residual**2 + _NOISE), (_LAMBDA, _NU), pair).form
    dq = 2 * drift(_QQ, _MM) + _ETA**2 * _SIZE * square
    return derivation(
        (
            "change in one step",
            sp.Symbol("E s' w'C x, E s' w*'C x"),
            "w += eta E s' x/sqrt d; overlaps in the metric C",
        ),
        ("learning of M", drift(_MM, _PP), "field of C w*, covariance w'C^2w*/d with lambda, w*'C^2w*/d with nu"),
        ("noise of Q", _ETA**2 * _SIZE * square, "x'Cx/d -> tau = mean of the squared eigenvalues"),
        ("drift", sp.Tuple(dq, drift(_MM, _PP)), "[dQ, dM] in Q, M, P and the overlaps of second order Q2, M2, P2"),
    )


def _unit(name: str) -> Any:
    return activation(name)


def _overlaps(variances: Any, w: Any, v: Any) -> tuple[Any, ...]:
    """Return Q, M, P, Q2, M2, P2, tau of weights given in the eigenbasis."""
    d = len(variances)

    def form(a: Any, b: Any, power: int) -> Any:
        return sum(l**power * x * y for l, x, y in zip(variances, a, b, strict=True)) / d

    first, second = ([form(a, b, n) for a, b in ((w, w), (w, v), (v, v))] for n in (1, 2))
    return (*first, *second, sum(l * l for l in variances) / d)


def _numbers(values: dict[str, Any]) -> tuple[Any, ...]:
    overlaps = _overlaps(*(values[k] for k in ("input_variances", "student_weights", "teacher_weights")))
    return (*overlaps, values["learning_rate"], values["noise_variance"])


def _evaluate(d: Derivation, values: dict[str, Any], digits: int) -> list[Any]:
    with mpmath.workdps(digits + 10):
        return _at(d, {k: to_mp(v) if k != "activation" else v for k, v in values.items()})


def _at(d: Derivation, values: dict[str, Any]) -> list[Any]:
    return [mpmath.re(form_function(e, _SYMBOLS)(*_numbers(values))) for e in d.result]


def _definition(activation: str, **values: Any) -> list[float]:
    """Mean change of w'Cw/d and w'Cw*/d over the inputs themselves: quadrature in the coordinates of x, |x|^2 -> d."""
    import numpy as np

    l, w, v = (np.array([float(x) for x in values[k]]) for k in _LISTS)
    eta, noise, d = float(values["learning_rate"]), float(values["noise_variance"]), len(values["input_variances"])
    s, ds = (numeric_function(e, (X,)) for e in (_unit(activation).expression, _unit(activation).derivative))

    def integrand(*x: Any) -> Any:
        inputs = np.stack(x)
        lam, nu = w @ inputs / d**0.5, v @ inputs / d**0.5
        push = eta * (s(nu) - s(lam)) * ds(lam)
        moved = 2 * push * ((w * l) @ inputs) / d**0.5, push * ((v * l) @ inputs) / d**0.5
        square = eta**2 * ds(lam) ** 2 * ((s(nu) - s(lam)) ** 2 + noise) * float(np.mean(l**2))
        return np.stack([moved[0] + square, moved[1]])

    return [float(x) for x in smooth_mean(integrand, np.diag(l), 56)]


_LISTS = ("input_variances", "student_weights", "teacher_weights")


def _closed_in_first_order(law: Law, values: Any) -> list[float]:
    """The isotropic closure: overlaps of second order taken equal to those of first order."""
    full = law.complete(values)
    numbers = list(_numbers(full))
    numbers[3:6] = numbers[:3]
    result = law.derivation(activation=full["activation"]).result
    return [float(mpmath.re(form_function(e, _SYMBOLS)(*map(mpmath.mpf, numbers)))) for e in result]


def _mean_variance(law: Law, values: Any) -> list[float]:
    """Every input variance replaced by their mean."""
    l = values["input_variances"]
    return law(**{**values, "input_variances": [sum(l) / len(l)] * len(l)})


def _isotropic_length(law: Law, values: Any) -> list[float]:
    """x'Cx/d -> 1 in the noise term."""
    full = law.complete(values)
    numbers = list(_numbers(full))
    numbers[6] = 1.0
    result = law.derivation(activation=full["activation"]).result
    return [float(mpmath.re(form_function(e, _SYMBOLS)(*map(mpmath.mpf, numbers)))) for e in result]


LAWS = (
    Law(
        id="order_parameters.anisotropic.nonlinear",
        title="drift on anisotropic inputs, not closed in Q and M",
        statement="p = k = 1, inputs of covariance C with the given eigenvalues, each of a share 1/d of the directions: "
        "[dQ, dM] in the overlaps of C and of C^2, so that equal Q, M, P have different drifts; closed only for C = I "
        "or linear units.",
        quantity=sp.Symbol("[dQ, dM]"),
        parameters=_PARAMETERS,
        derive=_derive,
        definition=_definition,
        evaluator=_evaluate,
        structure=("activation",),
        display={"activation": "erf"},
        constraints=(
            Constraint(
                lambda v: len({len(v[k]) for k in _LISTS}) == 1,
                "input_variances, student_weights and teacher_weights must have equal lengths",
            ),
        ),
        regime=LIMIT,
        sources=(DERIVED,),
        priority="C",
        gate_points=5,
        mutants=(
            Mutant("closed in Q, M, P", _closed_in_first_order),
            Mutant("isotropic inputs of the mean variance", _mean_variance),
            Mutant("x'Cx/d -> 1", _isotropic_length),
        ),
    ),
)
