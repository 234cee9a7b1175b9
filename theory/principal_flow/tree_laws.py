"""Laws of the coefficients on rooted trees: gradient descent, momentum, proximal steps, the modifying integrator."""

from __future__ import annotations

from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.evaluation import converged
from theory.law import Law, mutant_parameters, mutant_result, mutant_value
from theory.parameter import Parameter, integer
from theory.principal_flow import symbols as s
from theory.source import DERIVED
from theory.trees import coefficient, display, from_levels, levels, modifying_coefficient, order_of, symmetry
from theory.trees.coefficients import MOMENTUM, proximal_coefficient
from theory.trees.grafting import gd_field, graft, heavy_ball_field, nesterov_field
from theory.trees.rooted import Tree, bush, density, path, trees

_CLAIM = "thetadot = sum over rooted trees t of h^(|t|-1) c(t) F(t), with f = -grad E and F the elementary differential"


def _shown(tree: Tree) -> Any:
    return sp.Symbol(display(tree))


def _gd_steps(tree: Any) -> Derivation:
    t = from_levels(tree)
    return derivation(
        ("triangular system of the tree", sp.Symbol("xdot_v") - sp.Symbol("prod_children x_c"), "leaf: xdot = 1"),
        ("symmetry", sp.Integer(symmetry(t)), "automorphisms of " + display(t)),
        ("field of the root", symmetry(t) * coefficient(t), "logarithm of the iterates of x <- x + f(x) from 0"),
        ("coefficient", coefficient(t), "division by the symmetry"),
    )


def _momentum_steps(method: str) -> Any:
    def derive(tree: Any) -> Derivation:
        t = from_levels(tree)
        return derivation(
            ("difference operator", sp.Symbol("Delta_+ - b Delta_-"), "v <- b v - h g, theta <- theta + v"),
            ("symmetry", sp.Integer(symmetry(t)), "automorphisms of " + display(t)),
            ("coefficient", coefficient(t, method).subs(MOMENTUM, s.b), "polynomial orbit on the slow manifold"),
        )

    return derive


def _grafted(field: Any) -> Any:
    def definition(tree: Any, momentum: Any = None) -> Any:
        t = from_levels(tree)
        size = order_of(t)
        series = field(size) if momentum is None else field(size, momentum)
        value = series[size].get(t, 0)
        return mpmath.mpf(value.numerator) / value.denominator if hasattr(value, "numerator") else mpmath.mpf(value)

    return definition


def _other_tree(tree: Any) -> list[int]:
    """The next tree of the same order (of order 3 at least): two coefficients swapped."""
    row = trees(max(3, order_of(from_levels(tree))))
    t = from_levels(tree)
    return list(levels(row[(row.index(t) + 1) % len(row)])) if t in row else list(levels(row[0]))


def _rescaled(tree: Any, momentum: float) -> float:
    t = from_levels(tree)
    return float(coefficient(t)) / (1 - momentum) ** order_of(t)


def _wrong_power(value: float, tree: Any, momentum: float) -> float:
    size = order_of(from_levels(tree))
    return value * (1 - momentum) ** (2 * size - 1 - size)


def _swapped(method: str) -> Any:
    def value(tree: Any, momentum: float) -> float:
        return float(coefficient(from_levels(tree), method).subs(MOMENTUM, momentum))

    return value


def _exact_flow(tree: Any) -> Any:
    """Coefficient of the Taylor series of the exact flow: (1/n!) times the n-1 fold derivative along f, by grafting."""
    t = from_levels(tree)
    series: dict[Tree, int] = {(): 1}
    for _ in range(order_of(t) - 1):
        grown: dict[Tree, int] = {}
        for stem, count in series.items():
            for result, ways in graft(stem, ()):
                grown[result] = grown.get(result, 0) + count * ways
        series = grown
    return mpmath.mpf(series.get(t, 0)) / mpmath.factorial(order_of(t))


def _implicit_euler(tree: Any) -> Any:
    """(1 - e^-D) x = f on trees: the operator equation of the implicit step."""
    from theory.trees.grafting import modified_field

    t = from_levels(tree)
    series = modified_field(order_of(t), lambda j: mpmath.mpf((-1) ** (j + 1)) / mpmath.factorial(j))
    return mpmath.mpf(series[order_of(t)].get(t, 0))


def _quantity(name: str) -> Any:
    return sp.Function(name)(sp.Symbol("t"))


_TREE = s.tree_parameter()
_SMALL_TREE = s.tree_parameter(5)

GD = Law(
    id="principal_flow.tree_coefficient.gd",
    title="Coefficient of a rooted tree in the modified equation of gradient descent",
    statement=_CLAIM + "; c(t) is the coefficient of gradient descent (b(t) = sigma(t) c(t) is another normalisation)",
    quantity=_quantity("c"),
    parameters=(_TREE,),
    derive=_gd_steps,
    definition=_grafted(gd_field),
    sources=(s.HAIRER, s.ROSCA),
    mutants=(
        mutant_result("b(t) in place of c(t)", lambda v, tree: v * symmetry(from_levels(tree))),
        mutant_result("sign per node dropped", lambda v, tree: v * (-1) ** len(tree)),
        mutant_value("1/(sigma gamma)", lambda tree: float(modifying_coefficient(from_levels(tree)))),
    ),
    rungs=("algebra", "flow"),
    structure=("tree",),
    display={"tree": (0, 1, 1)},
)

LADDER_ORDER = Parameter("order", s.N, "number of nodes of the ladder", integer(1, (1, 9), 40))


def _ladder(**_: Any) -> Derivation:
    z, x = sp.symbols("z x")
    formula = sp.fps(sp.log(1 + z), z)
    term = sp.simplify(formula.ak.formula.subs(formula.ak.variables[0], s.N))
    return derivation(
        ("gradient descent on a linear field", (1 + z) * x, "f(x) = z x, one step"),
        ("its flow", sp.exp(sp.log(1 + z)) * x, "thetadot = log(1 + z) theta passes through the iterates"),
        ("coefficient of z^N", term, "power series of the logarithm; only ladders survive on a linear field"),
    )


LADDER = Law(
    id="principal_flow.tree_coefficient.ladder",
    title="Coefficients of the ladders: the principal terms",
    statement="c(path with N nodes) = (-1)^(N-1)/N",
    quantity=sp.Function("c")(sp.Symbol("path_N")),
    parameters=(LADDER_ORDER,),
    derive=_ladder,
    definition=lambda order: mpmath.mpf(coefficient(path(int(order))).p) / int(coefficient(path(int(order))).q),
    sources=(s.ROSCA,),
    mutants=(
        mutant_value("1/n!", lambda order: 1 / float(sp.factorial(int(order))) * (-1) ** (int(order) - 1)),
        mutant_value("no alternation", lambda order: 1 / order),
        mutant_value("1/(n+1)", lambda order: (-1) ** (int(order) - 1) / (order + 1)),
    ),
)

LEAVES = Parameter("leaves", s.k, "number of leaves on the root", integer(0, (0, 6), 60))


def _bushy(**_: Any) -> Derivation:
    v = sp.Symbol("n")
    return derivation(
        ("orbit of the leaves", v, "a leaf moves by 1 a step"),
        ("orbit of the root", (sp.bernoulli(s.k + 1, v) - sp.bernoulli(s.k + 1, 0)) / (s.k + 1), "sum of n^k"),
        ("derivative at step 0", sp.bernoulli(s.k, 0), "B_(k+1)'(n) = (k+1) B_k(n); B_1 = -1/2"),
        ("coefficient", sp.bernoulli(s.k, 0) / sp.factorial(s.k), "division by the symmetry k!"),
    )


def _bushy_value(_: Derivation, values: dict[str, Any], digits: int) -> Any:
    count = int(values["leaves"])
    return converged(lambda: mpmath.bernoulli(count) / mpmath.factorial(count), digits)


def _bernoulli(leaves: float, first: float, divide: bool) -> float:
    count = int(leaves)
    number = first if count == 1 else float(mpmath.bernoulli(count))
    return number / float(mpmath.factorial(count)) if divide else number


BUSHY = Law(
    id="principal_flow.tree_coefficient.bushy",
    title="Coefficients of the bushy trees are Bernoulli numbers",
    statement="c(root with k leaves) = B_k/k! with B_1 = -1/2",
    quantity=sp.Function("c")(sp.Symbol("bush_k")),
    parameters=(LEAVES,),
    derive=_bushy,
    definition=lambda leaves: _grafted(gd_field)(levels(bush(int(leaves)))),
    sources=(s.HAIRER,),
    mutants=(
        mutant_value("B_k without k!", lambda leaves: _bernoulli(leaves, -0.5, False)),
        mutant_value("B_1 = +1/2", lambda leaves: _bernoulli(leaves, 0.5, True)),
    ),
    evaluator=_bushy_value,
    gate_points=30,
)


def _momentum_law(method: str, name: str, other: str, field: Any) -> Law:
    return Law(
        id=f"principal_flow.tree_coefficient.{name}",
        title=f"Coefficient of a rooted tree in the modified equation of {method}",
        statement=_CLAIM + f"; c(t) of {method} on its slow manifold, a rational function of the momentum b",
        quantity=_quantity("c"),
        parameters=(_SMALL_TREE, s.momentum),
        derive=_momentum_steps(method),
        definition=_grafted(field),
        sources=(DERIVED, s.GHOSH),
        mutants=(
            mutant_value(f"{other} instead", _swapped(other)),
            mutant_value("gradient descent with h/(1-b)", _rescaled),
            mutant_result("(1-b)^n instead of (1-b)^(2n-1)", _wrong_power),
        ),
        rungs=("algebra", "flow"),
        structure=("tree",),
        display={"tree": (0, 1, 1)},
        assumptions=("after burn-in: the orbit lies on the slow manifold",),
    )


HEAVY_BALL = _momentum_law("heavy-ball", "heavy_ball", "nesterov", heavy_ball_field)
NESTEROV = _momentum_law("nesterov", "nesterov", "heavy-ball", nesterov_field)

MODIFYING = Law(
    id="principal_flow.tree_coefficient.modifying_integrator",
    title="The field that gradient descent must be fed to follow the gradient flow exactly",
    statement="theta <- theta + h sum_t h^(|t|-1) F(t)/(sigma gamma) is the flow of f after time h",
    quantity=_quantity("a"),
    parameters=(_TREE,),
    derive=lambda tree: derivation(
        ("flow of the triangular system after time 1", sp.Rational(1, density(from_levels(tree))),
         "product of 1/|subtree| over all nodes"),
        ("coefficient", modifying_coefficient(from_levels(tree)), "division by the symmetry"),
    ),
    definition=_exact_flow,
    sources=(s.HAIRER,),
    mutants=(
        mutant_value("coefficient of gradient descent", lambda tree: float(coefficient(from_levels(tree)))),
        mutant_value("1/gamma", lambda tree: 1 / density(from_levels(tree))),
    ),
    rungs=("algebra", "flow"),
    structure=("tree",),
    display={"tree": (0, 1, 1)},
    priority="B",
)  # fmt: skip

PROXIMAL = Law(
    id="principal_flow.tree_coefficient.proximal",
    title="Coefficient of a rooted tree for implicit Euler, the proximal step",
    statement="theta' = theta + h f(theta'): c(t) = (-1)^(|t|-1) c_gd(t), since it is the adjoint of gradient descent",
    quantity=_quantity("c"),
    parameters=(_TREE,),
    derive=lambda tree: derivation(
        ("explicit step", coefficient(from_levels(tree)), "tree_coefficient.gd"),
        ("implicit step", proximal_coefficient(from_levels(tree)), "adjoint: h -> -h and time reversed"),
    ),
    definition=_implicit_euler,
    sources=(s.HAIRER,),
    mutants=(
        mutant_value("coefficient of gradient descent", lambda tree: float(coefficient(from_levels(tree)))),
        mutant_parameters("two coefficients of one order swapped", lambda v: {"tree": _other_tree(v["tree"])}),
    ),
    structure=("tree",),
    display={"tree": (0, 1, 2)},
    priority="B",
)

LAWS = (GD, LADDER, BUSHY, HEAVY_BALL, NESTEROV, MODIFYING, PROXIMAL)
