"""Domains of matrices that belong together: covariances, overlaps, and everything keyed in this family."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy as sp

from theory.gaussian.self_check import random_covariance
from theory.parameter import Domain, Parameter, integer, nonnegative, positive, real_list, text


@dataclass(frozen=True)
class MatrixDomain(Domain):
    """A matrix of numbers (a plain number stands for a 1 x 1 matrix), drawn with a fixed shape.

    ``style`` is ``covariance`` (symmetric, positive semidefinite), ``overlap`` (well-conditioned symmetric) or
    ``cross`` (no restriction).
    """

    shape: tuple[int, int] = (2, 2)
    style: str = "cross"

    def problem(self, value: Any) -> str | None:
        """Return why the value is no such matrix, or None."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = [[value]]
        found = super().problem(value)
        if found is None and self.style != "cross":
            found = symmetry_problem(value)
        return found

    def draw(self, rng: random.Random) -> Any:
        """Draw a generic matrix of the shape."""
        rows, columns = self.shape
        if self.style == "covariance":
            return [[round(x, 6) for x in row] for row in random_covariance(rows, rng)]
        low, high = self.region
        result = [[round(rng.uniform(low, high), 6) for _ in range(columns)] for _ in range(rows)]
        if self.style == "overlap":
            for i in range(rows):
                result[i][i] = round(rng.uniform(0.8, 1.4), 6)
                for j in range(i):
                    result[i][j] = result[j][i]
        return result


def symmetry_problem(value: Any) -> str | None:
    """Return why a matrix is not symmetric positive semidefinite, or None."""
    size = len(value)
    if any(len(row) != size for row in value):
        return f"must be square, not {size} x {len(value[0])}"
    scale = max([abs(float(x)) for row in value for x in row] + [1e-300])
    if any(abs(float(value[i][j]) - float(value[j][i])) > 1e-10 * scale for i in range(size) for j in range(i)):
        return "must be symmetric"
    lowest = lowest_eigenvalue(value)
    return None if lowest >= -1e-10 * scale else f"must be positive semidefinite, its lowest eigenvalue is {lowest:.3g}"


def lowest_eigenvalue(value: Any) -> float:
    """Return the lowest eigenvalue of a symmetric matrix."""
    with mpmath.workdps(20):
        return float(min(mpmath.eigsy(mpmath.matrix(as_matrix(value)), eigvals_only=True)))


def as_matrix(value: Any) -> list[list[Any]]:
    """Return nested lists; a number becomes a 1 x 1 matrix."""
    return value if isinstance(value, list) else [[value]]


def state_problem(q: Any, m: Any, p: Any, a: Any = None, v: Any = None) -> str | None:
    """Return why overlaps and second layers do not fit together, or None."""
    q, m, p = as_matrix(q), as_matrix(m), as_matrix(p)
    students, teachers = len(q), len(p)
    if len(m) != students or any(len(row) != teachers for row in m):
        return (
            f"teacher_student_overlap must be {students} x {teachers} (students x teachers), not {len(m)} x {len(m[0])}"
        )
    for name, layer, size in (("student", a, students), ("teacher", v, teachers)):
        if layer is not None and len(layer) != size:
            return f"{name}_second_layer has {len(layer)} entries, it needs {size}"
    lowest = lowest_eigenvalue(field_covariance(q, m, p))
    if lowest < -1e-10:
        return f"the covariance [[Q, M], [M', P]] of the fields has the eigenvalue {lowest:.3g} < 0"
    return None


def field_covariance(q: Any, m: Any, p: Any) -> list[list[Any]]:
    """Return Omega = [[Q, M], [M', P]], the covariance of the fields of students, then teachers."""
    q, m, p = as_matrix(q), as_matrix(m), as_matrix(p)
    top = [list(q[i]) + list(m[i]) for i in range(len(q))]
    return top + [[m[i][r] for i in range(len(q))] + list(p[r]) for r in range(len(p))]


def symmetric(style: str, size: int, low: float = -0.25, high: float = 0.25) -> MatrixDomain:
    """Symmetric positive semidefinite matrices; generic ones have this size."""
    return MatrixDomain("matrix", region=(low, high), shape=(size, size), style=style)


ACTIVATIONS = ("erf", "cubic", "sine", "erf(x/sqrt(2)) + x/3")

COVARIANCE = Parameter("covariance", None, "covariance matrix of the Gaussian fields", symmetric("covariance", 5))
ACTIVATION = Parameter("activation", None, "activation: a name or an expression in x", text(*ACTIVATIONS))
TEACHER_ACTIVATION = Parameter(
    "teacher_activation", None, "activation of the teacher ('same' for the student's)", text("same", "hermite2")
).with_default("same")
STUDENT_OVERLAP = Parameter(
    "student_overlap", sp.Symbol("Q", positive=True), "overlaps Q of the students", symmetric("overlap", 2)
)
CROSS_OVERLAP = Parameter(
    "teacher_student_overlap",
    sp.Symbol("M", real=True),
    "overlaps M of students with teachers",
    MatrixDomain("matrix", region=(-0.45, 0.45), shape=(2, 1)),
)
TEACHER_OVERLAP = Parameter(
    "teacher_overlap", sp.Symbol("P", positive=True), "overlaps P of the teachers", symmetric("overlap", 1)
)
STUDENT_LAYER = Parameter(
    "student_second_layer", None, "second layer a of the student (ones if not given)", real_list(-1.5, 1.5, (2, 2))
).with_default(None)
TEACHER_LAYER = Parameter(
    "teacher_second_layer", None, "second layer v of the teacher (ones if not given)", real_list(-1.5, 1.5, (1, 1))
).with_default(None)
LEARNING_RATE = Parameter(
    "learning_rate", sp.Symbol("eta", positive=True), "learning rate, one step is 1/d of time", positive(0.2, 2.0)
)
SECOND_RATE = Parameter(
    "second_layer_learning_rate", sp.Symbol("eta2", nonnegative=True), "rate of the second layer", nonnegative(0.1, 1.0)
).with_default(0.0)
NOISE = Parameter(
    "noise_variance", sp.Symbol("Delta", nonnegative=True), "variance of the label noise", nonnegative(0.05, 0.6)
).with_default(0.0)
BATCH = Parameter(
    "batch_size", sp.Symbol("B", positive=True), "samples averaged per step", integer(1, region=(1, 5))
).with_default(1)
DECAY = Parameter(
    "weight_decay_rate", sp.Symbol("omega", nonnegative=True), "weight decay per unit of time", nonnegative(0.05, 0.4)
).with_default(0.0)
TEACHER_NORM = Parameter(
    "teacher_norm", sp.Symbol("T", positive=True), "squared norm of the orthogonal teachers", positive(0.4, 2.0)
).with_default(1.0)
WIDTH = Parameter(
    "width",
    sp.Symbol("K", integer=True, positive=True),
    "number of students and of teachers",
    integer(1, region=(2, 5)),
)
DIMENSION = Parameter("dimension", sp.Symbol("d", positive=True), "input dimension", integer(1, region=(6, 40)))
TIME = Parameter("time", sp.Symbol("t", nonnegative=True), "time, steps over dimension", nonnegative(0.2, 3.0))
