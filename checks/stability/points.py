"""Generic points of the curvature laws: never round values, both signs of the exponent, batches where tabled."""

from __future__ import annotations

from typing import Any

Point = dict[str, Any]

EXPONENTS: dict[str, dict[str, Point]] = {
    "two_point": {
        "saddle": {"learning_rate": 0.62, "probability": 0.37, "first_curvature": 1.9, "second_curvature": -1.3},
        "batch=3": {
            "learning_rate": 1.35, "probability": 0.43, "first_curvature": 1.7, "second_curvature": -0.9,
            "batch_size": 3,
        },
    },
    "normal": {
        "saddle": {"learning_rate": 0.74, "curvature_mean": -0.17, "curvature_std": 1.12},
        "batch=4": {"learning_rate": 1.83, "curvature_mean": 0.23, "curvature_std": 1.57, "batch_size": 4},
    },
    "uniform": {
        "overshoot": {"learning_rate": 1.46, "lower_curvature": -0.38, "upper_curvature": 2.21},
        "batch=3": {"learning_rate": 1.23, "lower_curvature": -1.17, "upper_curvature": 2.36, "batch_size": 3},
    },
    "exponential": {
        "large": {"learning_rate": 1.31, "curvature_scale": 1.27},
        "batch=3": {"learning_rate": 0.83, "curvature_scale": 1.46, "batch_size": 3},
    },
    "gamma": {
        "shape=0.7": {"learning_rate": 1.62, "curvature_shape": 0.73, "curvature_scale": 1.38},
        "batch=2": {"learning_rate": 1.13, "curvature_shape": 1.37, "curvature_scale": 0.87, "batch_size": 2},
    },
    "chi_squared": {
        "k=1": {"learning_rate": 0.93, "degrees_of_freedom": 1, "curvature_scale": 1.42},
        "batch=3": {"learning_rate": 0.57, "degrees_of_freedom": 2, "curvature_scale": 1.17, "batch_size": 3},
    },
    "squared_normal": {
        "shifted": {"learning_rate": 0.87, "input_mean": 0.63, "input_std": 1.09},
        "small": {"learning_rate": 1.72, "input_mean": 0.41, "input_std": 0.77},
    },
    "negative_squared_normal": {
        "one": {"learning_rate": 0.68, "input_std": 1.27},
        "batch=2": {"learning_rate": 0.91, "input_std": 0.83, "batch_size": 2},
    },
    "laplace": {
        "saddle": {"learning_rate": 0.81, "curvature_mean": -0.22, "curvature_scale": 1.13},
        "minimum": {"learning_rate": 1.43, "curvature_mean": 0.37, "curvature_scale": 0.86},
    },
    "product_normal": {
        "one": {"learning_rate": 0.93, "first_std": 1.37, "second_std": 0.86},
        "batch=2": {"learning_rate": 1.57, "first_std": 1.13, "second_std": 0.92, "batch_size": 2},
    },
    "cauchy": {
        "saddle": {"learning_rate": 0.77, "curvature_location": -0.43, "curvature_scale": 0.91},
        "batch=3": {"learning_rate": 0.56, "curvature_location": 1.13, "curvature_scale": 0.64, "batch_size": 3},
    },
    "arcsine": {
        "inner": {"learning_rate": 1.17, "lower_curvature": -0.86, "upper_curvature": 1.73},
        "outer": {"learning_rate": 0.53, "lower_curvature": -1.21, "upper_curvature": 1.47},
    },
    "semicircle": {
        "inner": {"learning_rate": 1.23, "curvature_mean": 0.28, "curvature_radius": 1.86},
        "outer": {"learning_rate": 0.44, "curvature_mean": -0.37, "curvature_radius": 1.57},
    },
    "empirical": {
        "weighted": {
            "learning_rate": 0.83, "curvatures": [0.43, -0.71, 1.87, 2.63], "weights": [0.31, 0.42, 0.17, 0.23],
        },
        "batch=2": {"learning_rate": 0.93, "curvatures": [0.43, -0.71, 1.87, 2.63, -0.22], "batch_size": 2},
        "subsets": {
            "learning_rate": 0.93, "curvatures": [0.43, -0.71, 1.87, 2.63, -0.22], "batch_size": 2,
            "replacement": "without",
        },
    },
}  # fmt: skip

EQUAL_AT_BATCH_ONE: dict[str, tuple[str, ...]] = {
    "normal": ("standard deviation s/B",),
    "cauchy": ("half-width over sqrt(B), as if the variance were finite",),
    "empirical": ("with and without replacement swapped",),
}
"""Mutants that differ from the law only in batches of more than one sample."""

SPARED: dict[tuple[str, str], dict[str, str]] = {
    ("arcsine", "outer"): {"outer branch everywhere": "this point lies on the outer branch"},
    ("semicircle", "inner"): {"inner branch everywhere": "this point lies on the inner branch"},
}
"""Mutants that equal the law at one of the points, with the reason."""
