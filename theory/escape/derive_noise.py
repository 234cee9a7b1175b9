"""`derive gradient-noise`: the covariance of a minibatch gradient of a user's model, by exact moments of the data."""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory.errors import DerivationError, ParseError
from theory.escape.noise import isserlis
from theory.escape.user_model import random_values
from theory.parse import parse_assignments, parse_expression, parse_expressions, parse_names
from theory.parse.expression import split

MAX_FEATURES = 6
MAX_DEGREE = 12
_KEYS = (
    "loss_formula", "gradient_formula", "hessian_formula", "covariance_formula", "decoupled_formula",
    "difference_formula", "rank_one", "rank_one_factor", "loss", "gradient", "covariance", "decoupled", "trace_ratio",
)  # fmt: skip


class _Moments:
    """Moments of the features under the chosen law."""

    def __init__(self, features: tuple[Any, ...], law: str, covariance: Any) -> None:
        self.features, self.covariance = features, covariance
        self.table: dict[int, Any] | None = None
        self.kurtosis: Any = None
        word, _, tail = law.partition("=")
        if word == "moments" and tail:
            self.table = {2 * (k + 1): value for k, value in enumerate(parse_expressions(tail))}
        elif word == "kurtosis" and tail:
            self.kurtosis = parse_expression(tail)
        elif law not in ("gaussian", "rademacher"):
            raise ParseError(
                f"feature law {law!r} is unknown; choose gaussian, rademacher, kurtosis=K or moments=m2,m4,..."
            )
        self.law = word
        self._check_order()
        if word != "gaussian" and len(features) > 1:
            raise DerivationError(f"the feature law {word} is for one feature, not {len(features)}; use gaussian.")

    def _check_order(self) -> None:
        """Refuse numbers which no distribution has: E x^2 > 0, and E x^4 >= (E x^2)^2, that is kurtosis >= 1."""
        if self.kurtosis is not None and self.kurtosis.is_number and self.kurtosis < 1:
            raise DerivationError(f"kurtosis = {sp.sstr(self.kurtosis)} is below 1, the smallest possible; give >= 1.")
        if self.table is None:
            return
        second, fourth = self.table[2], self.table.get(4)
        if second.is_number and second <= 0:
            raise DerivationError(f"moments= gives E x^2 = {sp.sstr(second)}; it must be > 0.")
        if fourth is not None and (fourth - second**2).is_number and fourth < second**2:
            raise DerivationError(
                f"moments= gives E x^4 = {sp.sstr(fourth)} below (E x^2)^2 = {sp.sstr(second**2)}; no law has that."
            )

    def of(self, powers: tuple[int, ...]) -> Any:
        """E x1^p1 x2^p2 ..., or DerivationError naming the missing moment."""
        degree = sum(powers)
        if degree % 2:
            return sp.Integer(0)
        if degree == 0:
            return sp.Integer(1)
        if self.law == "gaussian":
            indices = tuple(k for k, power in enumerate(powers) for _ in range(power))
            return isserlis(indices, self.covariance)
        variance = self.covariance[0, 0]
        if self.law == "rademacher":
            return variance ** (degree // 2)
        if self.table is not None:
            if degree not in self.table:
                raise DerivationError(
                    f"the moment E x^{degree} is needed and not given; extend moments= to {degree // 2} entries."
                )
            return self.table[degree]
        if degree > 4:
            raise DerivationError(
                f"kurtosis=K gives E x^2 and E x^4, but E x^{degree} is needed; use moments=m2,m4,..."
            )
        return variance if degree == 2 else self.kurtosis * variance**2

    def mean(self, expression: Any) -> Any:
        """Expectation of a polynomial in the features."""
        poly = sp.Poly(sp.expand(expression), *self.features)
        return sp.expand(sum((k * self.of(powers) for powers, k in poly.terms()), sp.Integer(0)))


def derive_gradient_noise(
    model: str,
    target: str,
    parameters: str,
    features: str,
    feature_law: str = "gaussian",
    feature_covariance: str | None = None,
    label_noise_variance: str = "0",
    batch_size: str = "1",
    at: str | None = None,
) -> dict[str, Any]:
    """Derive loss, gradient, Hessian and covariance of the batch gradient of (1/2)(model - target - noise)^2.

    Raises ParseError or DerivationError with value, limit and remedy.

    >>> found = derive_gradient_noise("w*x", "a*x", "w", "x", feature_covariance="h", label_noise_variance="s")
    >>> found["rank_one"], found["rank_one_factor"]
    (True, '1')
    """
    weights, data = parse_names(parameters), parse_names(features)
    _check_names(weights, data)
    symbols = {name: sp.Symbol(name, real=True) for name in (*weights, *data)}
    own, xs = tuple(symbols[w] for w in weights), tuple(symbols[x] for x in data)
    output, goal = parse_expression(model, symbols), parse_expression(target, symbols)
    for name, expression in (("model", output), ("target", goal)):
        if not expression.is_polynomial(*xs):
            raise DerivationError(
                f"the {name} {sp.sstr(expression)[:60]} is not polynomial in the features; it needs a data law: "
                "use --data on the numeric side."
            )
    noise, batch = parse_expression(label_noise_variance, symbols), parse_expression(batch_size, symbols)
    for name, expression in (("label-noise-variance", noise), ("batch-size", batch)):
        if expression.free_symbols & {*xs, *own}:
            raise ParseError(f"--{name} contains a parameter or a feature; give a constant.")
    if batch.is_number and batch < 1:
        raise ParseError(f"--batch-size {sp.sstr(batch)} must be >= 1.")
    if noise.is_number and noise < 0:
        raise ParseError(f"--label-noise-variance {sp.sstr(noise)} must be >= 0.")
    covariance = _covariance(feature_covariance, len(xs), feature_law, symbols)
    moments = _Moments(xs, feature_law, covariance)
    given = [
        output,
        goal,
        noise,
        batch,
        *covariance,
        moments.kurtosis or sp.Integer(0),
        *(moments.table or {}).values(),
    ]
    free = set().union(*(e.free_symbols for e in given)) - set(xs)
    values = None if at is None else _values(at, free, noise, batch)
    result: dict[str, Any] = dict.fromkeys(_KEYS)
    return _fill(result, moments, own, output, goal, noise, batch, values)


def _check_names(weights: tuple[str, ...], data: tuple[str, ...]) -> None:
    if not weights or not data:
        raise ParseError("give at least one parameter and one feature, for example --parameters w --features x.")
    both = set(weights) & set(data)
    if both:
        raise ParseError(f"{sorted(both)[0]} is a parameter and a feature; give different names.")
    if len(data) > MAX_FEATURES:
        raise DerivationError(f"{len(data)} features are given, the limit is {MAX_FEATURES}; use fewer.")


def _covariance(text: str | None, size: int, law: str, symbols: dict[str, Any]) -> Any:
    if law.startswith("moments"):
        if text is not None:
            raise ParseError("moments= already gives E x^2; leave --feature-covariance out.")
        return sp.eye(size)
    if text is None:
        return sp.eye(size)
    rows = [list(parse_expressions(row, symbols)) for row in split(text, ";")]
    if len(rows) != size or any(len(row) != size for row in rows):
        raise ParseError(
            f"--feature-covariance has {len(rows)} rows of {len(rows[0])}; {size} features need {size} x {size}."
        )
    matrix = sp.Matrix(rows)
    if sp.simplify(matrix - matrix.T) != sp.zeros(size, size):
        raise DerivationError("the feature covariance is not symmetric; give a symmetric positive semidefinite matrix.")
    if not matrix.free_symbols and not matrix.is_positive_semidefinite:
        raise DerivationError("the feature covariance is not positive semidefinite; check its entries.")
    return matrix


def _fill(
    result: dict[str, Any],
    moments: _Moments,
    own: tuple[Any, ...],
    output: Any,
    goal: Any,
    noise: Any,
    batch: Any,
    values: dict[Any, Any] | None,
) -> dict[str, Any]:
    residual = sp.expand(output - goal)
    slopes = [sp.expand(sp.diff(output, w)) for w in own]
    degrees = [sp.Poly(e, *moments.features).total_degree() for e in (residual, *slopes)]
    degree = 2 * (degrees[0] + max(degrees[1:]))
    if degree > MAX_DEGREE:
        raise DerivationError(f"moments of degree {degree} are needed, the limit is {MAX_DEGREE}; use a simpler model.")
    if any(e.has(sp.zoo, sp.nan, sp.Derivative) for e in slopes):
        raise DerivationError("the model is not differentiable in the parameters; use a smooth model.")
    mean = moments.mean
    loss = (mean(residual**2) + noise) / 2
    gradient = [mean(residual * g) for g in slopes]
    size = range(len(own))
    hessian = [[sp.diff(gradient[a], own[b]) for b in size] for a in size]
    gram = [[mean(slopes[a] * slopes[b]) for b in size] for a in size]
    full = [
        [mean(residual**2 * slopes[a] * slopes[b]) + noise * gram[a][b] - gradient[a] * gradient[b] for b in size]
        for a in size
    ]
    covariance = [[sp.factor(sp.expand(full[a][b]) / batch) for b in size] for a in size]
    decoupled = [[sp.factor(sp.expand(2 * loss * gram[a][b]) / batch) for b in size] for a in size]
    difference = [[sp.factor(sp.cancel(covariance[a][b] - decoupled[a][b])) for b in size] for a in size]
    factor = _rank_one(difference, gradient)
    result |= {
        "loss_formula": sp.sstr(sp.factor(loss)),
        "gradient_formula": [sp.sstr(sp.factor(g)) for g in gradient],
        "hessian_formula": [[sp.sstr(sp.factor(e)) for e in row] for row in hessian],
        "covariance_formula": [[sp.sstr(e) for e in row] for row in covariance],
        "decoupled_formula": [[sp.sstr(e) for e in row] for row in decoupled],
        "difference_formula": [[sp.sstr(e) for e in row] for row in difference],
        "rank_one": factor is not None,
        "rank_one_factor": None if factor is None else sp.sstr(factor),
    }
    if values is not None:
        _check_psd(moments.covariance, values)
        number = lambda e: float(sp.N(sp.sympify(e).subs(values), 17))  # noqa: E731
        result |= {
            "loss": number(loss),
            "gradient": [number(g) for g in gradient],
            "covariance": [[number(e) for e in row] for row in covariance],
            "decoupled": [[number(e) for e in row] for row in decoupled],
        }
        top, bottom = (sum(result[key][k][k] for k in size) for key in ("covariance", "decoupled"))
        result["trace_ratio"] = top / bottom if bottom else None
    return result


def _values(at: str, free: set[Any], noise: Any, batch: Any) -> dict[Any, Any]:
    given, known = parse_assignments(at), {s.name: s for s in free}
    for name in sorted(known):
        if name not in given:
            raise ParseError(f"--at lacks {name}, which the model contains; add {name}=...")
    for name in sorted(given):
        if name not in known:
            raise ParseError(f"--at gives {name}, which the model does not contain; remove it.")
    values = {known[name]: value for name, value in given.items()}
    for option, expression, low in (("batch-size", batch, 1), ("label-noise-variance", noise, 0)):
        number = sp.N(expression.subs(values), 17)
        if not number.is_real or number < low:
            raise ParseError(f"--{option} is {sp.sstr(number)} at the given numbers, it must be >= {low}.")
    return values


def _check_psd(covariance: Any, values: dict[Any, Any]) -> None:
    numeric = covariance.subs(values)
    if not numeric.free_symbols and not numeric.is_positive_semidefinite:
        raise DerivationError("the feature covariance is not positive semidefinite at the given numbers; change them.")


def _rank_one(difference: list[list[Any]], gradient: list[Any]) -> Any:
    """The factor f with difference = f grad L grad L^T, or None."""
    size = range(len(gradient))
    lead = next((k for k in size if gradient[k] != 0), None)
    if lead is None:
        return None
    factor = sp.cancel(sp.together(difference[lead][lead] / gradient[lead] ** 2))
    rest = [difference[a][b] - factor * gradient[a] * gradient[b] for a in size for b in size]
    free = set().union(*(e.free_symbols for e in rest)) | factor.free_symbols
    trial = random_values(free, 5)
    if any(abs(complex(sp.N(e.subs(trial), 30))) > 1e-15 for e in rest):
        return None
    return sp.factor(factor) if all(sp.cancel(sp.together(sp.expand(e))) == 0 for e in rest) else None
