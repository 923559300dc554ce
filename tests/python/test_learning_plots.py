# SPDX-License-Identifier: BSD-3-Clause
"""Figures of learning: what they show, and that they leave matplotlib's global state alone."""

from __future__ import annotations

import numpy as np
import pytest

from glassnmr.learning import LSSVR
from glassnmr.validation import landmark_curve, metrics

pyplot = pytest.importorskip("matplotlib.pyplot")
plots = pytest.importorskip("glassnmr.plots")
validation_plots = pytest.importorskip("glassnmr.validation_plots")


def test_parity_shows_every_point_and_the_errors_of_metrics(tmp_path):
    random = np.random.default_rng(0)
    y = random.normal(400, 10, 50)
    guess = y + random.normal(size=50)
    figure = plots.parity(y, guess, quantity="σ", unit="ppm", labels=["Q4"] * 40 + ["Q3"] * 10, title="29Si")
    axes = figure.axes[0]
    shown = np.concatenate([np.asarray(points.get_offsets()) for points in axes.collections])
    np.testing.assert_allclose(np.sort(shown[:, 0]), np.sort(y))
    assert f"MAE {metrics(y, guess)['MAE']:#.3g} ppm" in axes.texts[0].get_text()
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_xlabel() == "σ, reference / ppm"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Q3", "Q4"]
    plots.save_figure(figure, tmp_path / "parity.png")
    assert (tmp_path / "parity.png").stat().st_size > 5000
    assert pyplot.get_fignums() == []
    with pytest.raises(ValueError, match="labels must have shape"):
        plots.parity(y, guess, labels=["Q4"])
    assert plots.parity([1.0, 1.0], [1.0, 1.0]).axes[0].get_xlim()[0] < 1


def test_curves_show_the_mean_error_at_each_size():
    X = np.random.default_rng(0).normal(size=(120, 3))
    both = {name: landmark_curve(LSSVR(landmarks=name, lam=1e-4), X, X[:, 0] ** 2, counts=[5, 20, 70], n_splits=3)
            for name in ("icd", "random")}
    figure = plots.curve(both, unit="ppm", title="landmarks")
    axes = figure.axes[0]
    for line, one in zip(axes.lines, both.values(), strict=True):
        np.testing.assert_allclose(line.get_ydata(), one.mae.mean(axis=0))
        np.testing.assert_allclose(line.get_xdata(), [5, 20, 70])
    assert axes.get_xlabel() == "landmarks"
    assert axes.get_ylabel() == "mean absolute error / ppm"
    assert plots.curve(both["icd"]).axes[0].get_legend() is None
    with pytest.raises(ValueError, match="at least one curve"):
        plots.curve({})


def test_errors_stand_against_the_deviation_with_the_interval_as_a_line_and_a_band_over_folds():
    random = np.random.default_rng(0)
    deviation = np.exp(random.normal(size=200))
    factor = np.where(np.arange(200) < 100, 2.0, 3.0)
    error = deviation * random.normal(size=200)
    error[0] = 0
    axes = validation_plots.error_against_deviation(error, deviation, factor * deviation, unit="ppm").axes[0]
    shown = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(shown[1:, 1], np.abs(error[1:]).clip(1e-3 * np.abs(error).max()))
    assert shown[0, 1] == pytest.approx(1e-3 * np.abs(error).max())
    x, y = axes.lines[0].get_data()
    np.testing.assert_allclose(y, 2.5 * np.asarray(x))
    band = axes.collections[1].get_paths()[0].vertices
    assert {2.0, 3.0} == set((band[:, 1] / band[:, 0]).round(6))
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_the_errors_of_kinds_stand_clear_of_the_axis():
    figure = validation_plots.residuals_by_label([30.0, -15.0, 1.0, 2.0], ["Q0", "Q0", "Q4", "Q4"], unit="ppm")
    figure.canvas.draw()
    axes = figure.axes[0]
    written = [text.get_window_extent() for text in axes.texts]
    ticks = [tick.get_window_extent() for tick in axes.get_yticklabels() if tick.get_text()]
    inside = [t for t in ticks if axes.bbox.y0 - 1 <= (t.y0 + t.y1) / 2 <= axes.bbox.y1 + 1]
    assert len(written) == 3 and not any(a.overlaps(b) for a in written for b in inside)
    assert [text.get_text() for text in axes.texts] == ["22.50", "1.50", "MAE"]
