"""The learning curve as inline SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

INK, MUTED, GRID = "#1d2733", "#6b7785", "#e3e8ee"
TRAIN, HELDOUT, CONTROL, BLIND = "#9db4d0", "#1f5fbf", "#c2571a", "#8a6d1f"


def learning_curve(curve: Sequence[Mapping[str, Any]], learning: Mapping[str, Any]) -> str:
    """SVG of sampled success over rollouts played.

    ``curve``: points ``{split: train|heldout, rollouts, success, stderr}``; held-out points carry a 95 % band.
    ``learning``: the report's section of that name; its controls are drawn as horizontal lines.
    """
    figure = Figure(figsize=(8.6, 3.7))
    axes = figure.subplots()
    train = [p for p in curve if p["split"] == "train"]
    heldout = [p for p in curve if p["split"] == "heldout"]
    axes.plot(
        [p["rollouts"] for p in train],
        [p["success"] for p in train],
        color=TRAIN,
        linewidth=1,
        label="training batches",
    )
    x, y = [p["rollouts"] for p in heldout], [p["success"] for p in heldout]
    band = [1.96 * p["stderr"] for p in heldout]
    axes.fill_between(
        x,
        [max(0.0, m - b) for m, b in zip(y, band, strict=True)],
        [min(1.0, m + b) for m, b in zip(y, band, strict=True)],
        color=HELDOUT,
        alpha=0.16,
        linewidth=0,
    )
    axes.plot(x, y, color=HELDOUT, linewidth=2, marker="o", markersize=4, label="held-out tasks, sampled (95 % band)")
    controls = learning["controls"]
    axes.axhline(
        controls["best_blind"], color=BLIND, linewidth=1.2, linestyle=(0, (5, 3)), label="best observation-blind policy"
    )
    axes.axhline(
        controls["shuffled_observations"],
        color=CONTROL,
        linewidth=1.2,
        linestyle=(0, (1.5, 2)),
        label="final policy, another task's observations",
    )
    axes.set_ylim(0, 1.02)
    axes.set_xlim(left=0)
    axes.set_xlabel("rollouts played", color=MUTED)
    axes.set_ylabel("success", color=MUTED)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=9)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "grindworks", "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    svg = out.getvalue()
    return svg[svg.index("<svg") :]
