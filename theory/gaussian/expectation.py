"""Means of functions of jointly Gaussian variables in closed form: tilt, shift, Stein, signs. Never an integration.

Five exact rules reduce every term of the normal form; ``N/D`` is the covariance matrix with a common positive
denominator, which keeps it polynomial under tilts:

- tilt: E_C[exp(-q z_i^2/2) g] = (1 + q C_ii)^(-1/2) E_C'[g], C' = C - q C_:i C_i: / (1 + q C_ii);
- shift: E_C[exp(b.z) g(z)] = exp(b'Cb/2) E_C[g(z + C b)];
- Stein: E[z_i g] = sum_j C_ij E[d_j g], where d erf is a Gaussian (a new tilt) and d theta(z_k) a delta, the mean at
  z_k = 0 with the Schur complement as covariance;
- erf(g z) = E_n[sign(z + n)], n ~ N(0, 1/(2 g^2)), so that erf and steps are the same object;
- the mean of two signs is (2/pi) asin of their correlation, of four one elementary integral (Plackett).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy as sp

from theory.gaussian.normal_form import NoClosedForm
from theory.gaussian.term import Term, shifted
from theory.gaussian.wick import moment

INTEGRATION_VARIABLE = sp.Symbol("t", real=True)
_PI = sp.pi


class Covariance:
    """A covariance matrix ``numerator/denominator`` and the way its entries are tidied."""

    def __init__(self, numerator: sp.Matrix, denominator: Any = sp.S.One, tidy: bool = True) -> None:
        self.numerator = numerator
        self.denominator = denominator
        self.tidy = tidy

    def entry(self, i: int, j: int) -> Any:
        """Return C_ij."""
        return self.numerator[i, j] / self.denominator

    def matrix(self) -> sp.Matrix:
        """Return the matrix itself."""
        return self.numerator / self.denominator

    def _minors(self, i: int) -> sp.Matrix:
        """Return (N N_ii - N_i N_i')/D, which Sylvester's identity makes polynomial."""
        n, d = self.numerator, self.denominator

        def minor(a: int, b: int) -> Any:
            value = n[a, b] * n[i, i] - n[a, i] * n[i, b]
            if not self.tidy:
                return value / d
            return sp.expand(value) if d == 1 else sp.expand(sp.cancel(value / d))

        return _symmetric(n.rows, minor)

    def tilted(self, i: int, q: Any) -> Covariance:
        """Return C - q C_:i C_i: / (1 + q C_ii)."""
        n, minors = self.numerator, self._minors(i)
        numerator = _symmetric(n.rows, lambda a, b: n[a, b] + q * minors[a, b])
        denominator = self.denominator + q * n[i, i]
        if self.tidy:
            numerator, denominator = numerator.applyfunc(sp.expand), sp.expand(denominator)
        return Covariance(numerator, denominator, self.tidy)

    def given(self, i: int) -> Covariance:
        """Return the Schur complement: the covariance given z_i = 0."""
        return Covariance(self._minors(i), self.numerator[i, i], self.tidy)


def _symmetric(size: int, entry: Any) -> sp.Matrix:
    values = {(a, b): entry(a, b) for a in range(size) for b in range(a, size)}
    return sp.Matrix(size, size, lambda a, b: values[(min(a, b), max(a, b))])


class Engine:
    """Reduces terms to closed forms, remembering what it has reduced and which rules it used."""

    def __init__(self) -> None:
        self.rules: set[str] = set()
        self._known: dict[tuple[Term, int], Any] = {}
        self._derived: dict[tuple[Any, ...], Covariance] = {}

    def mean(self, term: Term, covariance: Covariance) -> Any:
        """Return E[term] under N(0, covariance)."""
        if term.coefficient == 0:
            return sp.S.Zero
        key = (term.unit, id(covariance))
        if key not in self._known:
            self._known[key] = self._unit_mean(term.unit, covariance)
        return term.coefficient * self._known[key]

    def _child(self, covariance: Covariance, *how: Any) -> Covariance:
        key = (id(covariance), *how)
        if key not in self._derived:
            kind, *arguments = how
            made = covariance.tilted(*arguments) if kind == "tilt" else covariance.given(*arguments)
            self._derived[key] = made
        return self._derived[key]

    def _unit_mean(self, term: Term, c: Covariance) -> Any:
        for i, q in enumerate(term.quadratic):
            if q != 0:
                self.rules.add("tilt")
                quadratic = tuple(sp.S.Zero if j == i else x for j, x in enumerate(term.quadratic))
                child = self._child(c, "tilt", i, q)
                return sp.sqrt(c.denominator / child.denominator) * self.mean(replace(term, quadratic=quadratic), child)
        if any(b != 0 for b in term.linear):
            return self._shift(term, c)
        if any(term.powers):
            if not (term.errors or term.steps or term.wave):
                self.rules.add("wick")
                return moment(term.powers, c.matrix())
            return self._stein(term, c)
        return self._terminal(term, c)

    def _shift(self, term: Term, c: Covariance) -> Any:
        self.rules.add("shift")
        present = [i for i, b in enumerate(term.linear) if b != 0]
        means = tuple(sum(c.entry(i, j) * term.linear[j] for j in present) for i in range(term.size))
        exponent = sum(term.linear[i] * means[i] for i in present) / 2
        rest = shifted(replace(term, linear=(sp.S.Zero,) * term.size), means)
        return sp.exp(exponent) * sp.Add(*(self.mean(t, c) for t in rest))

    def _stein(self, term: Term, c: Covariance) -> Any:
        self.rules.add("stein")
        i = next(k for k, n in enumerate(term.powers) if n)
        rest = replace(term, powers=tuple(n - (k == i) for k, n in enumerate(term.powers)))
        pieces = []
        for j in range(term.size):
            if c.numerator[i, j] != 0:
                pieces += [c.entry(i, j) * self.mean(t, c) for t in _smooth_derivative(rest, j)]
        for position, (k, m) in enumerate(rest.steps):
            if c.numerator[i, k] != 0:
                others = rest.steps[:position] + rest.steps[position + 1 :]
                pieces.append(c.entry(i, k) * self._pinned(replace(rest, steps=others), k, m, c))
        return sp.Add(*pieces)

    def _pinned(self, term: Term, k: int, m: Any, c: Covariance) -> Any:
        """Return E[delta(z_k + m) term], where the other fields follow N(-m C_:k/C_kk, Schur complement)."""
        variance = c.entry(k, k)
        child = self._child(c, "given", k)
        density = 1 / sp.sqrt(2 * _PI * variance)
        if m == 0:
            at_zero = term.powers[k] > 0 or any(i == k and s == 0 for i, _, s in term.errors)
            if at_zero:
                return sp.S.Zero
            terms = [term]
        else:
            density *= sp.exp(-(m**2) / (2 * variance))
            terms = shifted(term, tuple(-m * c.entry(i, k) / variance for i in range(term.size)))
        return density * sp.Add(*(self.mean(t, child) for t in terms))

    def _terminal(self, term: Term, c: Covariance) -> Any:
        signs = [("error", i, g, m) for i, g, m in term.errors] + [("step", i, sp.S.One, m) for i, m in term.steps]
        if term.wave is not None:
            return self._wave(term, c)
        if not signs:
            return sp.S.One
        if any(m != 0 for *_, m in signs):
            return self._shifted_sign(signs, c)
        if len(term.errors) % 2 and not term.steps:
            return sp.S.Zero
        result = []
        steps = [s for s in signs if s[0] == "step"]
        errors = [s for s in signs if s[0] == "error"]
        for mask in range(2 ** len(steps)):
            chosen = [s for b, s in enumerate(steps) if mask >> b & 1] + errors
            if len(chosen) % 2 == 0:
                result.append(self._signs(chosen, c))
        return sp.Add(*result) / 2 ** len(steps)

    def _wave(self, term: Term, c: Covariance) -> Any:
        if term.wave is None:
            return sp.S.One
        kind, vector = term.wave
        means = [sum(c.entry(i, j) * b for j, b in enumerate(vector) if b != 0) for i in range(term.size)]
        decay = sp.exp(-sum(b * means[i] for i, b in enumerate(vector) if b != 0) / 2)
        self.rules.add("shift")
        if not term.errors and not term.steps:
            return decay if kind == "cos" else sp.S.Zero
        single = len(term.errors) == 1 and not term.steps and term.errors[0][2] == 0
        if not single:
            raise NoClosedForm(
                "a sine or cosine times a step, a shifted erf or two erf has no closed form; use --allow-quadrature."
            )
        i, g, _ = term.errors[0]
        if kind == "cos":
            return sp.S.Zero
        return decay * sp.erfi(g * means[i] / sp.sqrt(1 + 2 * g**2 * c.entry(i, i)))

    def _shifted_sign(self, signs: list[Any], c: Covariance) -> Any:
        if len(signs) > 1:
            raise NoClosedForm(
                f"{len(signs)} signs with a shifted argument need Owen's T function or more; use --allow-quadrature."
            )
        kind, i, g, m = signs[0]
        if kind == "error":
            return sp.erf(g * m / sp.sqrt(1 + 2 * g**2 * c.entry(i, i)))
        return (1 + sp.erf(m / sp.sqrt(2 * c.entry(i, i)))) / 2

    def _signs(self, signs: list[Any], c: Covariance) -> Any:
        if not signs:
            return sp.S.One
        self.rules.add("sign")
        if len(signs) == 2:
            return 2 / _PI * sp.asin(self._correlation(signs[0], signs[1], c))
        if len(signs) == 4:
            self.rules.add("orthant")
            return four_signs({(a, b): self._correlation(signs[a], signs[b], c) for a in range(4) for b in range(a)})
        raise NoClosedForm(
            f"the product leaves {len(signs)} signs after reduction, at most 4 are possible; use --allow-quadrature."
        )

    def _correlation(self, a: Any, b: Any, c: Covariance) -> Any:
        (weight_a, own_a), (weight_b, own_b) = _spread(a, c), _spread(b, c)
        return weight_a * weight_b * c.numerator[a[1], b[1]] / sp.sqrt(own_a * own_b)


def _spread(sign: Any, c: Covariance) -> tuple[Any, Any]:
    """Return the weight of a field inside its sign and D times the variance of the sign's argument, noise included."""
    kind, i, g, _ = sign
    variance = c.numerator[i, i]
    if kind == "step":
        return sp.S.One, variance
    own = c.denominator + 2 * g**2 * variance
    return sp.sqrt(2) * g, sp.expand(own) if c.tidy else own


def four_signs(r: dict[tuple[int, int], Any]) -> Any:
    """Return E[sgn sgn sgn sgn] of four zero-mean Gaussian variables with correlations r[(i, j)].

    Along the path t r, dE/dt = sum_{i<j} r_ij E[d_i d_j] (Price) and the pinned pair leaves two signs with the
    partial correlation, hence (4/pi^2) int_0^1 sum r_ij (1 - t^2 r_ij^2)^(-1/2) asin(r_kl|ij(t)) dt.
    """
    t = INTEGRATION_VARIABLE

    def rho(i: int, j: int) -> Any:
        return r.get((i, j), r.get((j, i)))

    total = []
    for i in range(4):
        for j in range(i + 1, 4):
            if rho(i, j) == 0:
                continue
            k, l = (x for x in range(4) if x not in (i, j))
            total.append(rho(i, j) / sp.sqrt(1 - t**2 * rho(i, j) ** 2) * sp.asin(_partial(rho, i, j, k, l)))
    return 4 / _PI**2 * sp.Integral(sp.Add(*total), (t, 0, 1)) if total else sp.S.Zero


def _partial(rho: Any, i: int, j: int, k: int, l: int) -> Any:
    """Return the correlation of k and l given i and j when all correlations are multiplied by t."""
    t = INTEGRATION_VARIABLE
    ij = rho(i, j)

    def conditional(a: int, b: int) -> Any:
        own = sp.S.One if a == b else t * rho(a, b)
        first = rho(a, i) * rho(b, i) + rho(a, j) * rho(b, j)
        mixed = rho(a, i) * rho(b, j) + rho(a, j) * rho(b, i)
        return own * (1 - t**2 * ij**2) - t**2 * first + t**3 * ij * mixed

    return conditional(k, l) / sp.sqrt(conditional(k, k) * conditional(l, l))


def _smooth_derivative(term: Term, j: int) -> list[Term]:
    """Return the derivative by z_j of everything but the step functions, as terms."""
    result = []
    n = term.powers[j]
    if n:
        lowered = tuple(p - (k == j) for k, p in enumerate(term.powers))
        result.append(replace(term, coefficient=term.coefficient * n, powers=lowered))
    if term.wave is not None and term.wave[1][j] != 0:
        kind, vector = term.wave
        factor = vector[j] if kind == "sin" else -vector[j]
        other = "cos" if kind == "sin" else "sin"
        result.append(replace(term, coefficient=term.coefficient * factor, wave=(other, vector)))
    for position, (i, g, m) in enumerate(term.errors):
        if i == j:
            factor = 2 * g / sp.sqrt(_PI) * sp.exp(-(g**2) * m**2)
            quadratic = tuple(q + (2 * g**2 if k == j else 0) for k, q in enumerate(term.quadratic))
            linear = tuple(b - (2 * g**2 * m if k == j else 0) for k, b in enumerate(term.linear))
            others = term.errors[:position] + term.errors[position + 1 :]
            coefficient = term.coefficient * factor
            result.append(replace(term, coefficient=coefficient, quadratic=quadratic, linear=linear, errors=others))
    return result
