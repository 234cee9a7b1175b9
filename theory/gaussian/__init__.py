"""Means of functions of jointly Gaussian variables in closed form (tilt, Stein, Price, signs), never by integration."""

from theory.gaussian.closed_form import ClosedForm, covariance_symbols, gaussian_mean
from theory.gaussian.normal_form import NoClosedForm

__all__ = ["ClosedForm", "NoClosedForm", "covariance_symbols", "gaussian_mean"]
