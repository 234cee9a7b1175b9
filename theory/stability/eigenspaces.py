"""Exact eigenspaces of a symmetric matrix: block by block, factor by factor, as projectors free of eigenvectors."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import sympy as sp

from theory.errors import DerivationError

_DIGITS = 30


@dataclass(frozen=True)
class Eigenspace:
    """An eigenvalue, the orthogonal projector on its eigenspace, and the quantity whose zero makes it vanish."""

    value: sp.Expr
    projector: sp.ImmutableMatrix
    constant: sp.Expr

    @property
    def multiplicity(self) -> int:
        """Dimension of the eigenspace: the trace of the projector."""
        trace = sp.cancel(self.projector.trace()) if self.projector.free_symbols else self.projector.trace()
        return round(float(trace))


def eigenspaces(matrix: sp.ImmutableMatrix) -> list[Eigenspace]:
    """Return the eigenspaces of a symmetric matrix, exact where factors of degree 1 and 2 suffice.

    The projector on the kernel of a factor f of the characteristic polynomial is (r s)(H), with r the product of
    the other factors and s its inverse modulo f; a quadratic factor splits by
    P = (P_f +- (H - mean) P_f / root) / 2. Other numeric matrices are diagonalised to 30 digits.

    Raises DerivationError for a symbolic matrix with an irreducible factor of degree 3 or more.

    >>> a = sp.Symbol("a", real=True)
    >>> [(space.value, space.projector[0, 1]) for space in eigenspaces(sp.ImmutableMatrix([[0, a], [a, 0]]))]
    [(a, 1/2), (-a, -1/2)]
    """
    found: list[Eigenspace] = []
    for indices in _blocks(matrix):
        block = matrix.extract(indices, indices)
        for space in _of_block(block):
            found = _merge(
                found, Eigenspace(space.value, _embed(space.projector, indices, matrix.rows), space.constant)
            )
    return found


def directions(projector: sp.ImmutableMatrix) -> list[sp.ImmutableMatrix]:
    """Return orthonormal row vectors that span the range of a projector.

    The column j of a projector P has the squared norm P_jj, so a row is P_j / sqrt(P_jj); then P loses it.
    """
    symbols = sorted(projector.free_symbols, key=str)
    generic = {symbol: sp.Rational(7 + 3 * index, 5) for index, symbol in enumerate(symbols)}
    rows, rest = [], projector
    count = round(float(sp.expand(projector.trace()).xreplace(generic)))
    for number in range(count):
        sizes = [abs(complex(entry.xreplace(generic))) for entry in rest.diagonal()]
        pivot = next(i for i, size in enumerate(sizes) if size > 1e-9)
        column, square = rest[:, pivot], rest[pivot, pivot]
        rows.append((column / sp.sqrt(square)).T.applyfunc(tidy))
        if number + 1 < count:
            rest = (rest - column * column.T / square).applyfunc(tidy)
    return rows


def tidy(value: sp.Expr) -> sp.Expr:
    """Bring a small expression into a short form."""
    return sp.cancel(sp.together(value)) if value.free_symbols else sp.expand(value)


def _blocks(matrix: sp.ImmutableMatrix) -> list[list[int]]:
    remaining, blocks = list(range(matrix.rows)), []
    while remaining:
        block, front = [], [remaining[0]]
        while front:
            i = front.pop()
            if i in remaining:
                remaining.remove(i)
                block.append(i)
                front += [j for j in remaining if matrix[i, j] != 0]
        blocks.append(sorted(block))
    return blocks


def _embed(projector: sp.ImmutableMatrix, indices: list[int], size: int) -> sp.ImmutableMatrix:
    full = sp.zeros(size, size)
    for a, i in enumerate(indices):
        for b, j in enumerate(indices):
            full[i, j] = projector[a, b]
    return full.as_immutable()


def _merge(found: list[Eigenspace], new: Eigenspace) -> list[Eigenspace]:
    for position, space in enumerate(found):
        if space.value == new.value or sp.expand(space.value - new.value) == 0:
            both = Eigenspace(space.value, space.projector + new.projector, space.constant)
            return [*found[:position], both, *found[position + 1 :]]
    return [*found, new]


def _of_block(block: sp.ImmutableMatrix) -> list[Eigenspace]:
    if block.rows == 1:
        return [Eigenspace(block[0, 0], sp.ImmutableMatrix([[1]]), block[0, 0])]
    t = block.charpoly().gen
    characteristic = sp.Poly(block.charpoly(t).as_expr(), t)
    try:
        factors = [factor for factor, _ in characteristic.factor_list()[1]]
    except (sp.PolynomialError, sp.polys.polyerrors.DomainError):
        factors = [characteristic]
    if max(factor.degree() for factor in factors) > 2:
        if block.free_symbols:
            raise DerivationError(
                f"the eigenvalues of a symbolic {block.rows} x {block.rows} block of the Hessian have no short closed "
                "form; give the moments (and the point) as numbers."
            )
        return _numeric(block)
    whole = sp.Poly(1, t)
    for factor in factors:
        whole *= factor
    spaces: list[Eigenspace] = []
    for factor in factors:
        others = sp.Poly(sp.quo(whole, factor), t)
        inverse = sp.Poly(sp.invert(others, factor), t) if len(factors) > 1 else sp.Poly(1, t)
        spaces += _of_factor(block, factor.monic(), _at(others * inverse, block))
    return spaces


def _of_factor(block: sp.ImmutableMatrix, factor: sp.Poly, kernel: sp.ImmutableMatrix) -> list[Eigenspace]:
    if factor.degree() == 1:
        value = sp.factor_terms(-factor.nth(0))
        return [Eigenspace(value, kernel, value)]
    mean, constant = -factor.nth(1) / 2, sp.factor(factor.nth(0))
    root = sp.sqrt(sp.factor(mean**2 - constant))
    tilt = ((block - mean * sp.eye(block.rows)) * kernel / root).applyfunc(tidy)
    pairs = [(mean - root, kernel - tilt), (mean + root, kernel + tilt)]
    return [Eigenspace(value, (projector / 2).as_immutable(), constant) for value, projector in pairs]


def _at(polynomial: sp.Poly, block: sp.ImmutableMatrix) -> sp.ImmutableMatrix:
    denominator, cleared = sp.Poly(polynomial, field=True).clear_denoms(convert=True)
    result = sp.zeros(block.rows, block.rows)
    for coefficient in cleared.all_coeffs():
        result = (result * block + coefficient * sp.eye(block.rows)).applyfunc(sp.expand)
    return (result / denominator).applyfunc(sp.cancel).as_immutable()


def _numeric(block: sp.ImmutableMatrix) -> list[Eigenspace]:
    with mpmath.workdps(_DIGITS + 10):
        entries = [
            [mpmath.mpmathify(block[i, j].evalf(_DIGITS + 10)) for j in range(block.cols)] for i in range(block.rows)
        ]
        values, vectors = mpmath.eigsy(mpmath.matrix(entries))
        scale = max(abs(v) for v in values)
        groups: list[list[int]] = []
        for i in range(len(values)):
            if groups and abs(values[i] - values[groups[-1][-1]]) <= scale * mpmath.mpf(10) ** (-_DIGITS + 5):
                groups[-1].append(i)
            else:
                groups.append([i])
        spaces = []
        for group in groups:
            projector = [
                [sum(vectors[i, k] * vectors[j, k] for k in group) for j in range(block.cols)]
                for i in range(block.rows)
            ]
            value = sp.Float(values[group[0]], _DIGITS)
            spaces.append(Eigenspace(value, sp.ImmutableMatrix(projector).applyfunc(_rounded), value))
    return spaces


def _rounded(value: sp.Expr) -> sp.Expr:
    return sp.S.Zero if abs(value) < sp.Float(10) ** (-_DIGITS + 5) else sp.Float(value, _DIGITS)
