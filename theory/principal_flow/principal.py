"""`sgdlaws derive principal-flow`: the principal flow of a user's loss, symbolic or at a point."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.errors import DerivationError, DomainError
from theory.principal_flow.flow_laws import alpha_form
from theory.principal_flow.model import (
    DIGITS,
    LEARNING_RATE,
    MOMENTUM,
    evaluate_at,
    read_expression,
    read_point,
    read_variables,
    require_complete,
    require_settings,
)
from theory.principal_flow.momentum_laws import DETERMINANT, TRACE, roots_form
from theory.principal_flow.symbols import b as ROOT_B
from theory.principal_flow.symbols import x as ROOT_X

METHODS = {"gd": "gd", "heavy-ball": "heavy_ball", "nesterov": "nesterov"}
QUANTITIES = ("field", "alpha", "eigenvalues", "stability_coefficients", "loss_rate", "loss_change", "next_term")
_SINGULAR = mpmath.mpf(10) ** -12


def derive_principal_flow(
    loss: str, variables: str, *, at: str = "", method: str = "gd", quantity: str = "field"
) -> dict[str, Any]:
    """Return the principal flow of a loss: symbolic definitions, and numbers where ``at`` gives the point.

    Parameters
    ----------
    loss, variables : the loss and the names of its variables
    at : all variables and learning_rate (and momentum for the momentum methods), ``x=0.2,learning_rate=0.3``
    method : gd, heavy-ball or nesterov; quantity : which key is repeated under ``value``

    Raises TheoryError for anything that does not apply, among it a learning rate with h lambda = 1.

    >>> derive_principal_flow("x**2", "x", at="x=1,learning_rate=0.75")["regimes"]
    ['oscillating']
    """
    if method not in METHODS:
        raise DomainError(f"method {method!r} is unknown; choose one of {', '.join(METHODS)}.")
    if quantity not in QUANTITIES:
        raise DomainError(f"quantity {quantity!r} is unknown; choose one of {', '.join(QUANTITIES)}.")
    symbols = read_variables(variables)
    names = (*map(str, symbols), "learning_rate", *(() if method == "gd" else ("momentum",)))
    point = read_point(at, names)
    if point:
        require_complete(point, names)
        require_settings(point)
    expression = read_expression(loss, symbols)
    g = [sp.diff(expression, v) for v in symbols]
    hess = sp.hessian(expression, list(symbols))
    third = _contracted(hess, g, symbols)
    exact = all(sp.expand(sp.diff(entry, v)) == 0 for entry in hess for v in symbols)
    result: dict[str, Any] = {
        "method": method,
        "exactness": "exact" if exact else "asymptotic",
        "local_error_order": None if exact else 3,
        "gradient": [str(c) for c in g],
        "hessian": [[str(hess[a, c]) for c in range(len(symbols))] for a in range(len(symbols))],
    }
    if point:
        result |= _numbers(g, hess, third, symbols, point, METHODS[method])
    else:
        result |= _symbolic(g, hess, third, METHODS[method])
    result["quantity"] = quantity
    result["value"] = result[quantity]
    return result


def _contracted(hess: Any, g: list[Any], symbols: Any) -> list[Any]:
    """T(g,g): third derivatives contracted twice with the gradient."""
    size = len(symbols)
    return [
        sp.Add(*[sp.diff(hess[a, c], symbols[e]) * g[c] * g[e] for c in range(size) for e in range(size)])
        for a in range(size)
    ]


def _alpha_symbolic(name: str, x: Any) -> Any:
    if name == "gd":
        return alpha_form(x)
    slow = roots_form(name)[0].subs({ROOT_X: x, ROOT_B: MOMENTUM}, simultaneous=True)
    return sp.Piecewise((-1 / (1 - MOMENTUM), sp.Eq(x, 0)), (sp.log(slow) / x, True))


def _symbolic(g: list[Any], hess: Any, third: list[Any], name: str) -> dict[str, Any]:
    size = len(g)
    diagonal = all(hess[a, c] == 0 for a in range(size) for c in range(size) if a != c)
    undefined = "phi(learning_rate*H) g, phi(z) = log(1 - z)/z"
    if name != "gd":
        undefined = "phi(learning_rate*H) g, phi(z) = log(r_+(z))/z"
    values: Any = f"eigenvalues of H ({size} variables: give --at for numbers)"
    alpha: Any = "alpha(learning_rate*lambda_i) for every eigenvalue lambda_i"
    field: Any = undefined
    rate: Any = "g^T " + undefined
    if diagonal:
        roots = [hess[a, a] for a in range(size)]
        flow = [_alpha_symbolic(name, LEARNING_RATE * root) * c for root, c in zip(roots, g)]
    elif size == 2:
        mean, gap = (hess[0, 0] + hess[1, 1]) / 2, sp.sqrt((hess[0, 0] - hess[1, 1]) ** 2 / 4 + hess[0, 1] ** 2)
        roots = [mean + gap, mean - gap]
        high, low = (_alpha_symbolic(name, LEARNING_RATE * root) for root in roots)
        # Divided difference of phi; where the eigenvalues meet H is a multiple of the identity.
        slope = sp.Piecewise((0, sp.Eq(gap, 0)), ((high - low) / (2 * gap), True))
        product = [hess[a, 0] * g[0] + hess[a, 1] * g[1] for a in range(2)]
        flow = [low * c + slope * (p - roots[1] * c) for c, p in zip(g, product)]
    else:
        roots, flow = [], []
    if flow:
        values = [str(root) for root in roots]
        alpha = [str(_alpha_symbolic(name, LEARNING_RATE * root)) for root in roots]
        field, rate = [str(f) for f in flow], str(sp.Add(*[c * f for c, f in zip(g, flow)]))
    square = sp.Add(*[c**2 for c in g])
    curved = sp.Add(*[g[a] * hess[a, c] * g[c] for a in range(size) for c in range(size)])
    change = str(-LEARNING_RATE * square + LEARNING_RATE**2 / 2 * curved) if name == "gd" else None
    return {
        "eigenvalues": values,
        "scaled_eigenvalues": [str(LEARNING_RATE * root) for root in roots] if flow else None,
        "alpha": alpha,
        "stability_coefficients": "alpha_i*Abs(g.u_i)",
        "field": field,
        "loss_rate": rate,
        "loss_change": change,
        "next_term": [str(-(LEARNING_RATE**2) / 12 * t) for t in third] if name == "gd" else None,
        "regimes": None,
    }


def _numbers(
    g: list[Any], hess: Any, third: list[Any], symbols: Any, point: dict[str, Any], name: str
) -> dict[str, Any]:
    size = len(symbols)
    substitution = {v: point[str(v)] for v in symbols}
    with mpmath.workdps(DIGITS):
        slope = [evaluate_at(c, substitution) for c in g]
        matrix = mpmath.matrix([[evaluate_at(hess[a, c], substitution) for c in range(size)] for a in range(size)])
        contracted = [evaluate_at(t, substitution) for t in third]
        h, b = (mpmath.mpf(str(sp.N(point.get(key, 0), DIGITS))) for key in ("learning_rate", "momentum"))
        values, vectors = mpmath.eigsy(matrix)
        order = sorted(range(size), key=lambda c: -values[c])
        eigenvalues = [values[c] for c in order]
        columns = [[vectors[row, c] for row in range(size)] for c in order]
        components = [mpmath.fsum(a * c for a, c in zip(column, slope)) for column in columns]
        alpha = [_alpha(name, h * value, b) for value in eigenvalues]
        field = [mpmath.fsum(alpha[c] * components[c] * columns[c][row] for c in range(size)) for row in range(size)]
        if name == "gd":
            _recheck(matrix, slope, h, field)
        rate = mpmath.fsum(a * c * c for a, c in zip(alpha, components))
        change = -h * mpmath.fsum(c * c * (1 - h * v / 2) for c, v in zip(components, eigenvalues))
        sizes = _one_per_eigenspace(eigenvalues, components)
        growth = [_log(max(map(abs, _roots(name, h * v, b)))) for v in eigenvalues]
        return {
            "gradient_value": [float(c) for c in slope],
            "hessian_value": [[float(matrix[a, c]) for c in range(size)] for a in range(size)],
            "eigenvalues": [float(v) for v in eigenvalues],
            "scaled_eigenvalues": [float(h * v) for v in eigenvalues],
            "alpha": [_pair(a) for a in alpha],
            "stability_coefficients": [_pair(a * c) for a, c in zip(alpha, sizes)],
            "field": [_pair(f) for f in field],
            "loss_rate": _pair(rate),
            "loss_change": float(change) if name == "gd" else None,
            "next_term": [float(-(h**2) / 12 * t) for t in contracted] if name == "gd" else None,
            "regimes": [_regime(name, h * v, b) for v in eigenvalues],
            "growth": [float(v) for v in growth],
        }


def _pair(value: Any) -> list[float]:
    number = mpmath.mpc(value)
    return [float(number.real), float(number.imag)]


def _log(value: Any) -> Any:
    return mpmath.log(value) if value else mpmath.mpf("-inf")


def _roots(name: str, x: Any, b: Any) -> tuple[Any, Any]:
    if name == "gd":
        return 1 - x, mpmath.mpf(0)
    t, d = TRACE[name](x, b), DETERMINANT[name](x, b)
    root = mpmath.sqrt(mpmath.mpc(t * t - 4 * d))
    return (t + root) / 2, (t - root) / 2


def _alpha(name: str, x: Any, b: Any) -> Any:
    if abs(x) < mpmath.mpf(10) ** -25:
        return -1 / (1 - b)
    slow, other = _roots(name, x, b)
    # Past the second branch point the two real roots have met; the dominating one goes on.
    past = name != "gd" and mpmath.im(slow) == 0 and mpmath.re(slow + other) < 0
    root = other if past else slow
    if abs(root) < _SINGULAR:
        raise DerivationError(
            f"the scaled curvature {mpmath.nstr(x, 8)} is singular (singular coefficient: one-step convergence along "
            "this direction); change the learning rate."
        )
    if name != "gd":
        t, d = TRACE[name](x, b), DETERMINANT[name](x, b)
        if abs(root * root - t * root + d) > _SINGULAR:
            raise DerivationError("the re-check of the slow root fails; nothing is printed.")
    real = mpmath.im(root) == 0
    number = mpmath.re(root) if real else root
    return (mpmath.log(-number) + mpmath.mpc(0, mpmath.pi) if real and number < 0 else mpmath.log(number)) / x


def _recheck(matrix: Any, slope: list[Any], h: Any, field: list[Any]) -> None:
    """phi(hH) g against -int_0^1 (1 - s h H)^-1 g ds on a path below the real axis: no eigenvectors, no logarithm."""
    size = len(slope)
    unit, right = mpmath.eye(size), mpmath.matrix(slope)

    def solved(s: Any, row: int) -> Any:
        return mpmath.lu_solve(unit - s * h * matrix, right)[row]

    with mpmath.workdps(15):
        for row in range(size):
            path = [0, mpmath.mpc("0.3", "-0.5"), mpmath.mpc("0.9", "-0.5"), 1]
            integral = -mpmath.quad(lambda s, row=row: solved(s, row), path)
            scale = max(abs(v) for v in field) + mpmath.mpf(10) ** -10
            if abs(integral - field[row]) > mpmath.mpf(10) ** -6 * scale:
                raise DerivationError("the re-check of the flow by a contour integral fails; nothing is printed.")


def _one_per_eigenspace(eigenvalues: list[Any], components: list[Any]) -> list[Any]:
    """|g.u_i|, where each eigenspace is rotated so that g has one component in it."""
    sizes = [abs(c) for c in components]
    scale = max(abs(v) for v in eigenvalues) + mpmath.mpf(10) ** -20
    start = 0
    for index in range(1, len(eigenvalues) + 1):
        if index == len(eigenvalues) or eigenvalues[start] - eigenvalues[index] > _SINGULAR * scale:
            if index - start > 1:
                length = mpmath.sqrt(mpmath.fsum(c * c for c in components[start:index]))
                sizes[start:index] = [length, *[mpmath.mpf(0)] * (index - start - 1)]
            start = index
    return sizes


def _regime(name: str, x: Any, b: Any) -> str:
    limits = {
        "gd": (mpmath.mpf(1), mpmath.mpf(2)),
        "heavy_ball": ((1 - mpmath.sqrt(b)) ** 2, 2 * (1 + b)),
        "nesterov": (((1 - b) / (1 + b)) ** 2, 2 * (1 + b) / (1 + 2 * b)),
    }
    branch, edge = limits[name]
    if abs(x) < _SINGULAR:
        return "neutral"
    if abs(x - edge) < _SINGULAR:
        return "marginal"
    if x < 0:
        return "repelling"
    return "real" if x < branch else ("oscillating" if x < edge else "diverging")
