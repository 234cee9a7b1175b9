"""The gradient and the Hessian of one sample at a point, as polynomials of the data with matrix coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from theory.errors import DerivationError
from theory.stability.data_moments import MomentTable, Monomial, data_polynomial, exact
from theory.stability.eigenspaces import tidy

_KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Max, sp.Min)


@dataclass(frozen=True)
class LocalModel:
    """Coefficients of the gradient (columns) and Hessian per monomial of the data, in the basis of the directions."""

    loss: sp.Expr
    parameters: tuple[sp.Symbol, ...]
    data: tuple[sp.Symbol, ...]
    point: dict[sp.Symbol, sp.Expr]
    basis: sp.ImmutableMatrix
    gradients: dict[Monomial, sp.ImmutableMatrix]
    hessians: dict[Monomial, sp.ImmutableMatrix]
    full_hessians: dict[Monomial, sp.ImmutableMatrix]

    def sample_gradient(self) -> sp.ImmutableMatrix:
        """Return the gradient of one sample, a column."""
        return self._sum(self.gradients, 1)

    def sample_hessian(self) -> sp.ImmutableMatrix:
        """Return the Hessian of one sample."""
        return self._sum(self.hessians, self.basis.rows)

    def curvature(self, projector: sp.ImmutableMatrix) -> sp.Expr:
        """Return h(x) = trace(P H_x), for a rank-one projector the curvature of one sample along its direction."""
        return sp.Add(*[self._monomial(k) * tidy((projector * m).trace()) for k, m in self.hessians.items()])

    def mean_gradient(self, table: MomentTable) -> sp.ImmutableMatrix:
        """Return E g."""
        return _expectation(self.gradients, table, (self.basis.rows, 1))

    def mean_hessian(self, table: MomentTable) -> sp.ImmutableMatrix:
        """Return E H_x."""
        return _expectation(self.hessians, table, (self.basis.rows, self.basis.rows))

    def noise_covariance(self, table: MomentTable) -> sp.ImmutableMatrix:
        """Return C = E g g^T - E g E g^T, the sum of g_a g_b^T Cov(a, b) over pairs of monomials."""
        size = self.basis.rows
        covariance = sp.zeros(size, size)
        for a, first in self.gradients.items():
            for b, second in self.gradients.items():
                if any(a) and any(b):
                    covariance += first * second.T * table.covariance(a, b)
        return covariance.applyfunc(sp.expand).as_immutable()

    def closed(self) -> bool:
        """Whether no sample Hessian couples the span of the directions to the rest, so that the span is invariant."""
        outside = sp.eye(len(self.parameters)) - self.basis.T * self.basis
        crossings = [self.basis * m * outside for m in self.full_hessians.values()]
        return all(sp.expand(entry) == 0 for crossing in crossings for entry in crossing)

    def _monomial(self, exponents: Monomial) -> sp.Expr:
        return sp.Mul(*[symbol**n for symbol, n in zip(self.data, exponents)])

    def _sum(self, coefficients: dict[Monomial, sp.ImmutableMatrix], columns: int) -> sp.ImmutableMatrix:
        total = sp.zeros(self.basis.rows, columns)
        for exponents, matrix in coefficients.items():
            total += self._monomial(exponents) * matrix
        return total.as_immutable()


def local_model(
    loss: sp.Expr,
    parameters: tuple[sp.Symbol, ...],
    data: tuple[sp.Symbol, ...],
    point: dict[sp.Symbol, sp.Expr],
    directions: Sequence[sp.Expr] | None,
) -> LocalModel:
    """Differentiate a loss at a point; raises DerivationError if the input does not allow it."""
    _check_symbols(loss, parameters, data, point)
    loss = exact(loss)
    point = {p: exact(point.get(p, sp.S.Zero)) for p in parameters}
    _check_kinks(loss, point)
    basis = _basis(directions, parameters)
    gradient = [sp.diff(loss, p) for p in parameters]
    values = [_at(g, point, f"dL/d{p}") for g, p in zip(gradient, parameters)]
    columns = _collect([[v] for v in values], data, "the gradient at the point")
    second = [[_at(sp.diff(g, q), point, f"d2L/d{p}d{q}") for q in parameters] for g, p in zip(gradient, parameters)]
    squares = _collect(second, data, "the Hessian at the point")
    return LocalModel(
        loss=loss,
        parameters=parameters,
        data=data,
        point=point,
        basis=basis,
        gradients=_nonzero({k: (basis * m).applyfunc(sp.expand) for k, m in columns.items()}),
        hessians=_nonzero({k: (basis * m * basis.T).applyfunc(sp.expand) for k, m in squares.items()}),
        full_hessians=squares,
    )


def _check_symbols(
    loss: sp.Expr, parameters: tuple[sp.Symbol, ...], data: tuple[sp.Symbol, ...], point: dict[sp.Symbol, sp.Expr]
) -> None:
    names = [*parameters, *data]
    if not parameters:
        raise DerivationError("no parameter is given; name at least one, for example --parameters u,w.")
    doubled = sorted({str(s) for s in names if names.count(s) > 1})
    if doubled:
        raise DerivationError(f"{', '.join(doubled)} is given twice as parameter or data; give every name once.")
    unknown = sorted(map(str, loss.free_symbols - set(names)))
    if unknown:
        raise DerivationError(f"{', '.join(unknown)} is unknown: name it in --parameters or --data, or give a number.")
    stray = sorted(map(str, set(point) - set(parameters)))
    if stray:
        raise DerivationError(f"{', '.join(stray)} is no parameter; the point gives values to parameters only.")
    for p, value in point.items():
        inside = sorted({str(s) for s in value.free_symbols} & {str(s) for s in names})
        if inside:
            raise DerivationError(
                f"the value {value} of {p} holds {', '.join(inside)}; give a number or a name that is no parameter "
                "and no data (for an expectation: the same name in --moments)."
            )


def _check_kinks(loss: sp.Expr, point: dict[sp.Symbol, sp.Expr]) -> None:
    for node in loss.atoms(*_KINKED):
        args = node.args if isinstance(node, (sp.Max, sp.Min)) else (node.args[0], sp.S.Zero)
        for i, a in enumerate(args):
            for b in args[:i]:
                difference = a - b
                if difference.has(*point) and difference.subs(point) == 0:
                    raise DerivationError(
                        f"the loss is not differentiable at the point, at the kink of {sp.sstr(node)[:60]}; choose a "
                        "point beside it, or a smooth activation."
                    )


def _at(derivative: sp.Expr, point: dict[sp.Symbol, sp.Expr], name: str) -> sp.Expr:
    value = derivative.subs(point)
    if value.has(sp.nan, sp.zoo, sp.oo, sp.S.NegativeInfinity, sp.I):
        shown = ", ".join(f"{p}={v}" for p, v in point.items())
        raise DerivationError(f"{name} is not finite and real at the point {shown}; give a point inside the domain.")
    return value


def _basis(forms: Sequence[sp.Expr] | None, parameters: tuple[sp.Symbol, ...]) -> sp.ImmutableMatrix:
    if forms is None:
        return sp.eye(len(parameters)).as_immutable()
    rows: list[sp.ImmutableMatrix] = []
    for form in forms:
        row = sp.ImmutableMatrix([[exact(sp.diff(form, p)) for p in parameters]])
        if row.free_symbols or sp.expand(form - sum(c * p for c, p in zip(row, parameters))) != 0:
            raise DerivationError(f"the direction {form} is no linear form of the parameters; write for example u1-u2.")
        rest = row
        for other in rows:
            rest = rest - (row * other.T)[0] * other
        rest = rest.applyfunc(sp.expand)
        if all(entry == 0 for entry in rest):
            raise DerivationError(f"the direction {form} depends on the ones before it, or is zero; leave it out.")
        rows.append((rest / sp.sqrt((rest * rest.T)[0])).applyfunc(sp.expand))
    if not rows:
        raise DerivationError("no direction is given; leave --directions out to use all parameters.")
    return sp.ImmutableMatrix.vstack(*rows)


def _collect(
    entries: list[list[sp.Expr]], data: tuple[sp.Symbol, ...], what: str
) -> dict[Monomial, sp.ImmutableMatrix]:
    polynomials = [[data_polynomial(entry, data, what) for entry in row] for row in entries]
    monomials = sorted({k for row in polynomials for p in row for k in p}, reverse=True)
    return {k: sp.ImmutableMatrix([[p.get(k, 0) for p in row] for row in polynomials]) for k in monomials}


def _nonzero(coefficients: dict[Monomial, sp.ImmutableMatrix]) -> dict[Monomial, sp.ImmutableMatrix]:
    return {k: m for k, m in coefficients.items() if any(entry != 0 for entry in m)}


def _expectation(
    coefficients: dict[Monomial, sp.ImmutableMatrix], table: MomentTable, shape: tuple[int, int]
) -> sp.ImmutableMatrix:
    total = sp.zeros(*shape)
    for exponents, matrix in coefficients.items():
        total += table.moment(exponents) * matrix
    return total.applyfunc(sp.expand).as_immutable()
