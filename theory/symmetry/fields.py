"""Gradient fields of random losses on random data, evaluated in numbers: of a text model and of a list of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import sympy as sp

from theory.symmetry.architectures import Model
from theory.symmetry.model_text import TextModel
from theory.symmetry.nilpotent import Z, constant, multiply, number, unary

if TYPE_CHECKING:
    import numpy as np


class Fields(Protocol):
    """The family of gradient fields of one model."""

    dimension: int
    depth: int

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw a random loss on random data."""
        ...

    def gradient(self, theta: np.ndarray, loss: Any) -> np.ndarray:
        """Return its gradient at theta, both of shape (components, dimension)."""
        ...


class FeatureFields:
    """Gradient fields of random combinations of polynomial features."""

    depth = 7

    def __init__(self, model: Model) -> None:
        import numpy as np

        self.dimension = len(model.parameters)
        self.count = len(model.features)
        by_degree: dict[int, list[tuple[int, int, list[int]]]] = {}
        for k, feature in enumerate(model.features):
            for monomial, c in feature.items():
                factors = [v for v, e in monomial for _ in range(e)]
                by_degree.setdefault(len(factors), []).append((k, c, factors))
        self.groups = [
            (np.array([k for k, _, _ in rows]), np.array([float(c) for _, c, _ in rows]),
             np.array([f for _, _, f in rows]))
            for degree, rows in by_degree.items() if degree
        ]  # fmt: skip

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw the weights of the features."""
        return rng.standard_normal(self.count)

    def gradient(self, theta: np.ndarray, loss: np.ndarray) -> np.ndarray:
        """Return sum_k weight_k grad phi_k."""
        import numpy as np

        total = np.zeros_like(theta)
        for owner, coefficient, factors in self.groups:
            scale = constant(coefficient * loss[owner], theta)
            values = [theta[:, factors[:, s]] for s in range(factors.shape[1])]
            for s in range(len(values)):
                term = scale
                for other in (v for t, v in enumerate(values) if t != s):
                    term = multiply(term, other)
                for component in range(len(theta)):
                    total[component] += np.bincount(factors[:, s], term[component], minlength=self.dimension)
        return total


class TextFields:
    """Gradient fields of a text model by reverse accumulation over the expression tree, vectorised over samples."""

    samples = 4
    # every level doubles the components and costs a few times more on an expression tree
    depth = 3

    def __init__(self, text: TextModel) -> None:
        outputs = [_as_exponentials(e) for e in text.outputs]
        if text.head == "softmax":
            outputs = [e - outputs[0] for e in outputs[1:]]
        self.text, self.outputs, self.dimension = text, outputs, len(text.parameters)
        self.own = set(text.parameters)
        self.nodes: list[sp.Expr] = []
        seen: set[sp.Expr] = set()
        for output in outputs:
            for node in sp.postorder_traversal(output):
                if node not in seen and isinstance(node, sp.Expr):
                    seen.add(node)
                    self.nodes.append(node)
        self.leaves = {n for n in self.nodes if not n.free_symbols & self.own}

    def draw(self, rng: np.random.Generator) -> tuple[dict[sp.Symbol, Any], np.ndarray]:
        """Draw a few samples (gates are 0 or 1, +-1 for abs) and the weights of the outputs at each."""
        data: dict[sp.Symbol, Any] = {s: rng.uniform(0.2, 3.0, self.samples) for s in self.text.data}
        for symbol, name, _ in self.text.gates:
            on = rng.integers(0, 2, self.samples)
            data[symbol] = (2.0 * on - 1) if name == "abs" else on.astype(float)
        return data, rng.standard_normal((len(self.outputs), self.samples))

    def gradient(self, theta: np.ndarray, loss: tuple[dict[sp.Symbol, Any], np.ndarray]) -> np.ndarray:
        """Return the gradient of sum of weight times output over samples and outputs."""
        return self.sample_gradients(theta, *loss).sum(axis=1)

    def sample_gradients(self, theta: np.ndarray, data: dict[sp.Symbol, Any], weights: np.ndarray) -> np.ndarray:
        """Return the gradients at every sample, (components, samples, dimension); weights are (outputs, samples)."""
        import numpy as np

        count = weights.shape[1]
        point = {p: np.repeat(theta[:, [i]], count, axis=1) for i, p in enumerate(self.text.parameters)}
        like = next(iter(point.values()))
        values: dict[sp.Expr, np.ndarray] = {}
        for node in self.nodes:
            if node in point:
                values[node] = point[node]
            elif node in self.leaves:
                values[node] = constant(np.broadcast_to(number(node, data), like.shape[1:]), like)
            else:
                values[node] = _forward(node, [values[a] for a in node.args])
        slopes: dict[sp.Expr, np.ndarray] = {}
        for output, weight in zip(self.outputs, weights, strict=True):
            slopes[output] = slopes.get(output, 0.0) + constant(weight, like)
        for node in reversed(self.nodes):
            if node in slopes and node not in self.leaves and node not in self.own:
                for child, part in _backward(node, slopes[node], values):
                    slopes[child] = slopes.get(child, 0.0) + part
        zero = np.zeros_like(like)
        return np.stack([slopes.get(p, zero) for p in self.text.parameters], axis=2)


def _as_exponentials(expression: sp.Expr) -> sp.Expr:
    """Write a**b with a varying exponent as exp(b log a)."""
    return expression.replace(
        lambda e: isinstance(e, sp.Pow) and not e.exp.is_number, lambda e: sp.exp(e.exp * sp.log(e.base))
    )


def _forward(node: sp.Expr, args: Sequence[np.ndarray]) -> np.ndarray:
    if isinstance(node, sp.Add):
        return sum(args[1:], args[0])
    if isinstance(node, sp.Mul):
        total = args[0]
        for a in args[1:]:
            total = multiply(total, a)
        return total
    return unary(_in_one_variable(node), args[0])


def _backward(node: sp.Expr, slope: np.ndarray, values: dict[sp.Expr, np.ndarray]) -> list[tuple[sp.Expr, np.ndarray]]:
    if isinstance(node, sp.Add):
        return [(a, slope) for a in node.args]
    if isinstance(node, sp.Mul):
        parts = []
        for i, a in enumerate(node.args):
            part = slope
            for j, b in enumerate(node.args):
                if j != i:
                    part = multiply(part, values[b])
            parts.append((a, part))
        return parts
    inner = node.args[0]
    return [(inner, multiply(slope, unary(sp.diff(_in_one_variable(node), Z), values[inner])))]


def _in_one_variable(node: sp.Expr) -> sp.Expr:
    return Z ** node.args[1] if isinstance(node, sp.Pow) else node.func(Z)
