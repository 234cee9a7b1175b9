"""Diagrams that belong to a family rather than to one law; each family adds its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

import theory
from checks.report.figures import Drawn, save


def diagrams(folder: Path) -> list[Drawn]:
    """Draw the diagrams of the families whose laws are present."""
    drawn = []
    if "stability" in theory.families():
        drawn.append(_four_phases(folder))
    return drawn


def _four_phases(folder: Path) -> Drawn:
    law = theory.law("stability.phase.scalar_net_normal")
    rates, stds = np.linspace(0.02, 2.6, 80), np.linspace(0.1, 3.0, 60)
    plus, minus = (np.empty((len(stds), len(rates))) for _ in range(2))
    for i, s in enumerate(stds):
        for j, eta in enumerate(rates):
            plus[i, j], minus[i, j] = law(learning_rate=float(eta), curvature_mean=0.4, curvature_std=float(s))
    phase = np.where(plus > 0, np.where(minus > 0, 3, 0), np.where(minus > 0, 1, 2))
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    colours = ListedColormap(["#8ecae6", "#ffb703", "#ced4da", "#e07a5f"])
    axes.pcolormesh(rates, stds, phase, cmap=colours, vmin=-0.5, vmax=3.5, shading="nearest", rasterized=True)
    for value, name in enumerate(("I correct", "II wrong sign", "III collapse", "IV both unstable")):
        where = np.argwhere(phase == value)
        if len(where) > 40:
            row, column = where.mean(0)
            axes.text(rates[int(column)], stds[int(row)], name, ha="center", va="center")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("standard deviation of z")
    save(figure, folder / "four_phases.svg")
    shares = [float((phase == v).mean()) for v in range(4)]
    return Drawn(
        "four_phases.svg",
        "Phases of the scalar two-layer network for normal z of mean 0.4, from the signs of the two exponents.",
        f"Phase diagram over learning rate and noise: phase I covers {shares[0]:.0%}, II {shares[1]:.0%}, "
        f"III {shares[2]:.0%}, IV {shares[3]:.0%} of the plane shown.",
    )
