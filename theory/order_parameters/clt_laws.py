"""The central limit theorem of the overlaps: covariance of the fluctuations of order d^(-1/2) around the ODE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath
import sympy as sp

from theory.derivation import Derivation, derivation
from theory.gaussian.quadrature import numeric_function, smooth_mean
from theory.law import Law, mutant_result
from theory.order_parameters import domains as dm
from theory.order_parameters.activation import X, activation
from theory.order_parameters.network_parameters import FITS, LIMIT, NETWORK
from theory.order_parameters.single_unit import ARNABOLDI, spoil
from theory.order_parameters.state import State, state_of
from theory.order_parameters.trajectory import parts
from theory.parameter import Parameter, nonnegative, text
from theory.source import DERIVED

_TIME = dm.TIME.within(nonnegative(0.3, 1.0))
_STEP = 1e-4


def pack(state: State) -> Any:
    """Return the overlaps as one array: M row by row, then the upper triangle of Q."""
    import numpy as np

    upper = np.triu_indices(state.students)
    return np.concatenate([np.array(state.m, float).ravel(), np.array(state.q, float)[upper]])


def unpack(x: Any, state: State) -> State:
    """Return the state with the overlaps x in the order of ``pack``."""
    import numpy as np

    p, k = state.students, state.teachers
    q = np.zeros((p, p))
    q[np.triu_indices(p)] = x[p * k :]
    return replace(state, q=(q + np.triu(q, 1).T).tolist(), m=x[: p * k].reshape(p, k).tolist())


def drift(x: Any, state: State) -> Any:
    """Return the right-hand side of the ODE at the overlaps x."""
    import numpy as np

    current = unpack(x, state)
    found = parts(current)
    dq = found["learning"] + found["noise"] - 2 * state.decay * np.array(current.q)
    dm_ = found["m"] - state.decay * np.array(current.m)
    return np.concatenate([dm_.ravel(), dq[np.triu_indices(state.students)]])


def jacobian(x: Any, state: State) -> Any:
    """Return the Jacobian of the drift by difference quotients of fourth order."""
    import numpy as np

    columns = []
    for i in range(len(x)):
        shift = np.zeros(len(x))
        shift[i] = _STEP
        near = (drift(x + shift, state) - drift(x - shift, state)) / (2 * _STEP)
        far = (drift(x + 2 * shift, state) - drift(x - 2 * shift, state)) / (4 * _STEP)
        columns.append((4 * near - far) / 3)
    return np.stack(columns, 1)


def diffusion(state: State) -> Any:
    """Return (1/B) Cov of the increments (M row by row, Q upper triangle) of one sample, by quadrature."""
    import numpy as np

    p, size = state.students, state.students + state.teachers
    s, t = (numeric_function(activation(n).expression, (X,)) for n in (state.activation, state.teacher_activation))
    ds = numeric_function(activation(state.activation).derivative, (X,))
    b, a, eta = [float(w) for w in state.weights], [float(w) for w in state.a], float(state.eta)
    pairs = [(j, l) for j in range(p) for l in range(j, p)]

    def products(*fields: Any) -> Any:
        # three nodes for the label noise are exact: its power is at most four
        return sum(w * at_noise(fields, x) for x, w in ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6)))

    def at_noise(fields: Any, xi: float) -> Any:
        e = sum(w * (s(f) if u < p else t(f)) for u, (w, f) in enumerate(zip(b, fields, strict=True)))
        e = e + float(state.noise) ** 0.5 * xi
        push = [eta * a[j] * e * ds(fields[j]) for j in range(p)]
        rows = [push[j] * f for j in range(p) for f in fields[p:]]
        rows += [push[j] * fields[l] + push[l] * fields[j] + push[j] * push[l] / float(state.batch) for j, l in pairs]
        return np.stack([*rows, *(x * y for x in rows for y in rows)])

    omega = np.array([[float(x) for x in row] for row in state.covariance])
    flat = np.array(smooth_mean(products, omega, {2: 60, 3: 40, 4: 24}.get(size, 14)))
    n = state.students * state.teachers + len(pairs)
    return (flat[n:].reshape(n, n) - np.outer(flat[:n], flat[:n])) / float(state.batch)


def covariance_at(values: dict[str, Any]) -> list[list[float]]:
    """Integrate dSigma/dt = J Sigma + Sigma J' + Dm along the ODE."""
    import numpy as np
    from scipy.integrate import solve_ivp

    state = state_of(values, exact=False)
    x0 = pack(state)
    n = len(x0)

    def field(_: float, y: Any) -> Any:
        x, sigma = y[:n], y[n:].reshape(n, n)
        j = jacobian(x, state)
        return np.concatenate([drift(x, state), (j @ sigma + sigma @ j.T + diffusion(unpack(x, state))).ravel()])

    start = np.concatenate([x0, np.zeros(n * n)])
    solved = solve_ivp(field, (0.0, float(values["time"])), start, method="DOP853", rtol=1e-9, atol=1e-11)
    return solved.y[n:, -1].reshape(n, n).tolist()


def _definition(**values: Any) -> list[list[float]]:
    """Duhamel: Sigma(t) = int Phi(t, s) Dm(s) Phi(t, s)' ds, Phi by difference quotients of the flow map."""
    import numpy as np
    from scipy.integrate import solve_ivp

    given = {k: plain(v) for k, v in values.items()}
    state, time = state_of(given, exact=False), float(given["time"])
    x0 = pack(state)

    def flow(x: Any, duration: float) -> Any:
        field = lambda _, y: drift(y, state)  # noqa: E731
        return solve_ivp(field, (0.0, duration), x, method="DOP853", rtol=1e-11, atol=1e-13).y[:, -1]

    nodes, weights = np.polynomial.legendre.leggauss(8)
    total = np.zeros((len(x0), len(x0)))
    for node, weight in zip(nodes, weights, strict=True):
        s = time * (1 + node) / 2
        at = flow(x0, s)
        h = 1e-4
        columns = [(flow(at + h * e, time - s) - flow(at - h * e, time - s)) / (2 * h) for e in np.eye(len(x0))]
        phi = np.stack(columns, 1)
        total += weight * time / 2 * phi @ diffusion(unpack(at, state)) @ phi.T
    return total.tolist()


def plain(value: Any) -> Any:
    """Return mpmath numbers as floats, lists included."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    return float(value) if isinstance(value, mpmath.mpf) else value


def _derive(activation: str = "erf", teacher_activation: str = "same") -> Derivation:
    sigma, j, noise = sp.symbols("Sigma J Dm", commutative=False)
    return derivation(
        ("one step", sp.Symbol("Omega' = Omega + F(Omega, z)/d"), "increments F of the update, mean f, |x|^2/d -> 1"),
        ("deviation", sp.Symbol("sqrt(d)*(Omega - ODE)"), "linearise f: J; the increments' covariance is Dm"),
        (
            "Dm",
            sp.Symbol("Cov(m, q_B)/B"),
            "m = eta a E s' nu, q_B = eta(..) + (eta^2/B) a a E^2 s' s', label noise in E",
        ),
        ("equation", j * sigma + sigma * sp.Symbol("J'", commutative=False) + noise, "dSigma/dt, Sigma(0) = 0"),
    )


def _uncorrelated(value: Any, v: dict[str, Any]) -> Any:
    cut = len(dm.as_matrix(v["student_overlap"])) * len(dm.as_matrix(v["teacher_overlap"]))
    return [[x if (i < cut) == (j < cut) else 0.0 for j, x in enumerate(row)] for i, row in enumerate(value)]


def _noiseless(value: Any, v: dict[str, Any]) -> Any:
    return covariance_at(v | {"noise_variance": 0.0})


PARAMETERS: tuple[Parameter, ...] = (
    dm.ACTIVATION.within(text("erf")),
    dm.TEACHER_ACTIVATION.within(text("same")),
    dm.STUDENT_OVERLAP.within(dm.symmetric("overlap", 1)),
    dm.CROSS_OVERLAP.within(dm.MatrixDomain("matrix", region=(-0.5, 0.5), shape=(1, 1))),
    dm.TEACHER_OVERLAP,
    *(p for p in NETWORK[5:] if p.key in ("learning_rate", "noise_variance", "batch_size", "weight_decay_rate")),
    _TIME,
)

LAWS = (
    Law(
        id="order_parameters.fluctuation.clt",
        title="covariance of the fluctuations around the ODE",
        statement="d Cov(overlaps) at time t, started at fixed overlaps; order M row by row, then Q upper triangle.",
        quantity=sp.Symbol("d*Cov"),
        parameters=PARAMETERS,
        derive=_derive,
        definition=_definition,
        evaluator=lambda d, values, digits: covariance_at(values),
        structure=("activation", "teacher_activation"),
        display={"activation": "erf", "teacher_activation": "same"},
        constraints=(FITS,),
        regime=LIMIT,
        sources=(ARNABOLDI, DERIVED),
        rungs=("algebra", "chain"),
        priority="B",
        tolerance=1e-6,
        gate_points=1,
        mutants=(
            spoil("Cov(M, Q) = 0", _uncorrelated),
            spoil("residual without label noise", _noiseless),
            mutant_result("1/B missing", lambda value, batch_size, **_: [[batch_size * x for x in r] for r in value]),
        ),
    ),
)
