"""Symbols, parameters and sources shared by the laws of the stability family."""

from __future__ import annotations

import sympy as sp

from theory.parameter import (
    Domain,
    Parameter,
    choice,
    integer,
    interval,
    nonnegative,
    positive,
    real,
    real_list,
)
from theory.source import DERIVED, Source

eta, s, t, k, gamma_ = sp.symbols("eta s t k g", positive=True)
m, a, b, h1, h2, mu_x = sp.symbols("m a b h_1 h_2 mu_x", real=True)
p = sp.Symbol("p", positive=True)
s_x, s_1, s_2, radius = sp.symbols("s_x s_1 s_2 R", positive=True)
h_ = sp.Symbol("h", real=True)
curvature_list, weight_list = sp.IndexedBase("h"), sp.IndexedBase("w")
size = sp.Symbol("N", integer=True, positive=True)
exponent = sp.Symbol("Lambda", real=True)

SEED = Source(
    "ziyin2023probabilistic",
    "Liu Ziyin and Botao Li and Tomer Galanti and Masahito Ueda",
    "Type-II Saddles and Probabilistic Stability of SGD",
    2023,
    arxiv="2303.13093",
)
COLLAPSE = Source(
    "chen2023stochastic",
    "Feng Chen and Daniel Kunin and Atsushi Yamamura and Surya Ganguli",
    "Stochastic Collapse: How Gradient Noise Attracts SGD Dynamics Towards Simpler Subnetworks",
    2023,
    arxiv="2306.04251",
)
SELECTION = Source(
    "wu2018how",
    "Lei Wu and Chao Ma and Weinan E",
    "How SGD Selects the Global Minima in Over-parameterized Learning: A Dynamical Stability Perspective",
    2018,
    venue="NeurIPS 2018",
)
FURSTENBERG = Source(
    "furstenberg1960products", "Harry Furstenberg and Harry Kesten", "Products of Random Matrices", 1960
)
COHEN_NEWMAN = Source(
    "cohen1984stability",
    "Joel E. Cohen and Charles M. Newman",
    "The Stability of Large Random Matrices and Their Products",
    1984,
    venue="Annals of Probability 12",
)
KESTEN = Source(
    "kesten1973random",
    "Harry Kesten",
    "Random Difference Equations and Renewal Theory for Products of Random Matrices",
    1973,
    venue="Acta Mathematica 131",
)
HERE = DERIVED


def learning_rate(low: float = 0.2, high: float = 3.0) -> Parameter:
    """Step size eta; generic points in (low, high)."""
    return Parameter("learning_rate", eta, "step size eta", positive(low, high))


def curvature_mean(low: float = -1.2, high: float = 1.2, domain: Domain | None = None) -> Parameter:
    """Mean m of the one-sample curvature."""
    return Parameter("curvature_mean", m, "mean m of the curvature of one sample", domain or real(low, high))


def curvature_std(low: float = 0.4, high: float = 2.0) -> Parameter:
    """Standard deviation s of the one-sample curvature."""
    return Parameter("curvature_std", s, "standard deviation s of the curvature of one sample", positive(low, high))


def curvature_scale(meaning: str, low: float = 0.4, high: float = 2.0, symbol: sp.Symbol = t) -> Parameter:
    """Scale of a one-sample curvature law."""
    return Parameter("curvature_scale", symbol, meaning, positive(low, high))


def curvature_shape(low: float = 0.4, high: float = 6.0) -> Parameter:
    """Shape k of the gamma law."""
    return Parameter("curvature_shape", k, "shape k of the gamma law (mean k t)", positive(low, high))


def batch_size(high: int = 4) -> Parameter:
    """Batch size B, samples drawn with replacement."""
    return Parameter("batch_size", None, "samples per batch B", integer(1, (1, high)), 1, False)


def support(low: tuple[float, float] = (-1.5, 0.8), high: tuple[float, float] = (1.0, 3.0)) -> tuple[Parameter, ...]:
    """Ends a < b of the support of the curvature."""
    return (
        Parameter("lower_curvature", a, "lower end a of the support", real(*low)),
        Parameter("upper_curvature", b, "upper end b of the support", real(*high)),
    )


def curvatures(low: float = -0.8, high: float = 1.5, sizes: tuple[int, int] = (3, 6)) -> Parameter:
    """Curvatures of the samples of a finite data set."""
    return Parameter(
        "curvatures", curvature_list, "curvature h_i of every sample", real_list(low, high, sizes), length=size
    )


WEIGHTS = Parameter(
    "weights",
    None,
    "weights of the samples (normalised; default equal)",
    Domain("list", low=0.0, low_open=True, nullable=True),
    None,
    False,
)
REPLACEMENT = Parameter(
    "replacement", None, "how a batch is drawn from the finite data set", choice("with", "without"), "with", False
)
TWO_POINT = (
    Parameter("probability", p, "probability p of the first atom", interval(0.0, 1.0)),
    Parameter("first_curvature", h1, "first atom h1", real(-2.0, 2.0)),
    Parameter("second_curvature", h2, "second atom h2", real(-2.0, 2.0)),
)
INPUT_STD = Parameter("input_std", s_x, "standard deviation of the scalar input x", positive(0.4, 1.5))
INPUT_MEAN = Parameter("input_mean", mu_x, "mean of the scalar input x", real(-1.2, 1.2))
FACTOR_STDS = (
    Parameter("first_std", s_1, "standard deviation of the first factor", positive(0.4, 1.8)),
    Parameter("second_std", s_2, "standard deviation of the second factor", positive(0.4, 1.8)),
)
WEIGHT_DECAY = Parameter("weight_decay", sp.Symbol("lambda", nonnegative=True), "coupled decay", nonnegative(0.1, 1.0))
