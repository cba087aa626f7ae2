"""The two pictures of the benchmark."""

import os

import numpy as np
from growth import exponent
from matplotlib.figure import Figure

COLORS = ("#1f6f8b", "#e07a5f", "#f2cc8f", "#81b29a", "#8d7b9c", "#3d405b")


def draw_profile(profiles, theirs, path):
    """Where the time of each step goes: a bar a step, divided into parts.

    Parameters
    ----------
    profiles : dict of str to dict of str to float
        For each step the seconds of its parts.
    theirs : dict of str to float
        PyTorch's time for the step as a multiple of ours, where it was asked for.
    path : Path
    """
    figure = Figure(figsize=(11, 1.7 + 0.55 * len(profiles)), layout="constrained")
    axes = figure.subplots()
    rows, whole = np.arange(len(profiles)), np.array([sum(parts.values()) for parts in profiles.values()])
    left = np.zeros(len(profiles))
    for name, color in zip(next(iter(profiles.values())), COLORS):
        share = np.array([parts[name] for parts in profiles.values()]) / whole * 100
        bars = axes.barh(rows, share, 0.68, left, color=color, label=name)
        texts = [f"{percent:.0f}" if percent >= 2.5 else "" for percent in share]
        axes.bar_label(bars, texts, label_type="center", color="black" if color == COLORS[2] else "white", fontsize=8)
        left += share
    marked = [(row, 100 * theirs[name]) for row, name in enumerate(profiles) if name in theirs]
    if marked:
        below, percent = zip(*marked)
        axes.plot(percent, np.add(below, 0.44), "^", color="black", markersize=7, label="the end of PyTorch's step")
    axes.set_yticks(rows, [f"{name}\n{1e3 * seconds:,.1f} ms" for name, seconds in zip(profiles, whole)], fontsize=8)
    axes.set(xlabel="share of the step, %", ylim=(len(profiles) - 0.4, -0.6))
    axes.set_xlim(0, max([100, *(percent for _, percent in marked)]) * 1.02)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=7, frameon=False, fontsize=8)
    figure.suptitle("Where the time of a step goes", x=0.01, ha="left", fontsize=11)
    _save(figure, path)


def draw_growth(curves, path):
    """How a step's time grows: a panel for each `growth.Curve`, the work's own growth dashed."""
    figure = Figure(figsize=(3.7 * len(curves), 3.6), layout="constrained")
    for axes, (name, values, seconds, flops) in zip(figure.subplots(1, len(curves)), curves):
        milliseconds = 1e3 * seconds
        grown, own = exponent(values, seconds), exponent(values, flops)
        axes.loglog(values, milliseconds, "o-", color=COLORS[0], label=f"time: $n^{{{grown:.2f}}}$")
        ideal = milliseconds[-1] * flops / flops[-1]
        axes.loglog(values, ideal, "--", color=COLORS[1], label=f"the work's own: $n^{{{own:.2f}}}$")
        axes.set_xticks(values, values)
        axes.minorticks_off()
        axes.set_yticks([tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if _inside(tick, axes)])
        axes.set_yticklabels([f"{tick:g}" for tick in axes.get_yticks()])
        axes.set(title=name, xlabel=f"n = {name}", ylabel="ms a critic step")
        axes.legend(frameon=False, fontsize=8)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    _save(figure, path)


def _inside(tick, axes):
    low, high = axes.get_ylim()
    return low <= tick <= high


def _save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    figure.savefig(unfinished, format="png", dpi=110)
    os.replace(unfinished, path)
