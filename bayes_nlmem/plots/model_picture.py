"""A model as a picture: compartments with doses and parameters, and the three layers beside them."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from bayes_nlmem.ground.messages import ModelError, explain
from bayes_nlmem.model.quantities import RESIDUAL, quantities
from bayes_nlmem.model.specification import Model
from bayes_nlmem.plots.scheme import OUTSIDE, Flow, Scheme, scheme_of
from bayes_nlmem.plots.style import INDIVIDUAL, INK, MUTED, POPULATION, SMOOTH, new_figure, style

_WIDTH, _HEIGHT = 1.5, 0.72  # of a box, in units of the scheme
_STEP_X, _STEP_Y = 2.7, 1.75
_MOST_LINES = 11


def plot_model(model: Model, *, layers: bool = True, ax: Any = None) -> Any:
    """Draw a model: its compartments with doses, flows and outputs, and its three layers.

    Boxes are compartments, arrows amounts that move with the parameters of their rate, dotted arrows
    compartments that a rate depends on though nothing flows. The orange arrow is where doses without CMT go.
    Of equations the flows are found in their terms.

    Parameters
    ----------
    model : Model
        The model.
    layers : bool
        Also show population, individuals and observations with their formulas.
    ax : matplotlib Axes, optional
        Where to draw the scheme alone; a new figure by default.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ModelError
        If the structure has no compartments and no layers are wanted, or `ax` together with layers.

    Examples
    --------
    >>> import bayes_nlmem as bn
    >>> figure = bn.plot_model(bn.zoo.load("theophylline").model)
    >>> len(figure.axes)
    2
    """
    scheme = scheme_of(model.structure)
    if ax is not None:
        if layers:
            raise ModelError(
                explain(
                    expected="layers=False with `ax`", got="layers=True", remedy="One axes has one scheme."
                )
            )
        with style():
            _draw_scheme(ax, _needed(scheme), model)
        return ax.figure
    with style():
        if not layers:
            figure = new_figure(*_extent(_needed(scheme)))
            _draw_scheme(figure.subplots(), _needed(scheme), model)
            return figure
        if scheme is None:
            figure = new_figure(5.6, 4.9)
            _draw_layers(figure.subplots(), model)
            return figure
        wide, high = _extent(scheme)
        if wide <= 6.0:  # side by side
            figure = new_figure(wide + 5.4, max(4.9, high))
            left, right = figure.subplots(1, 2, width_ratios=[wide, 5.4])
        else:
            figure = new_figure(wide, high + 4.9)
            left, right = figure.subplots(2, 1, height_ratios=[high, 4.9])
        _draw_scheme(left, scheme, model)
        _draw_layers(right, model)
    return figure


def _needed(scheme: Scheme | None) -> Scheme:
    if scheme is None:
        raise ModelError(explain(expected="a structure with compartments", got="one without"))
    return scheme


# --- where the boxes stand -----------------------------------------------------------------------


def _extent(scheme: Scheme) -> tuple[float, float]:
    """Width and height in inches at which the text fits its boxes."""
    (left, right), (bottom, top) = _limits(scheme)
    return 0.62 * (right - left), 0.62 * (top - bottom)


def _limits(scheme: Scheme) -> tuple[tuple[float, float], tuple[float, float]]:
    xs, ys = zip(*_places(scheme).values(), strict=True)
    return (min(xs) - 2.4, max(xs) + 1.6), (min(ys) - 1.7, max(ys) + 1.5)


def _places(scheme: Scheme) -> dict[str, tuple[float, float]]:
    """Column by distance from the dose, row by order; peripheral compartments go above and below."""
    depth: dict[str, int] = {}
    for root in (scheme.dose, *scheme.compartments):
        if root in depth or root not in scheme.compartments:
            continue
        depth[root] = 0 if not depth else _first_depth(root, scheme, depth)
        waiting = [root]
        while waiting:
            here = waiting.pop(0)
            for there in _following(here, scheme):
                if there not in depth:
                    depth[there] = depth[here] + 1
                    waiting.append(there)
    columns: dict[int, list[str]] = {}
    for name in scheme.compartments:
        columns.setdefault(depth[name], []).append(name)
    places = {}
    for column, names in columns.items():
        offset = (len(names) - 1) / 2
        for row, name in enumerate(names):
            places[name] = (column * _STEP_X, (offset - row) * _STEP_Y)
    return places


def _first_depth(root: str, scheme: Scheme, depth: dict[str, int]) -> int:
    """Column of a compartment that nothing flows into: after those that influence it."""
    before = [depth[a] for a, b in scheme.influences if b == root and a in depth]
    return max(before, default=0) + 1


def _following(name: str, scheme: Scheme) -> list[str]:
    return [f.target for f in scheme.flows if f.source == name and f.target != OUTSIDE]


# --- drawing -------------------------------------------------------------------------------------


def _draw_scheme(axes: Any, scheme: Scheme, model: Model) -> None:
    from matplotlib.patches import FancyBboxPatch

    places = _places(scheme)
    for name, (x, y) in places.items():
        corner = (x - _WIDTH / 2, y - _HEIGHT / 2)
        box = FancyBboxPatch(
            corner,
            _WIDTH,
            _HEIGHT,
            boxstyle="round,pad=0.02,rounding_size=0.12",
            facecolor="white",
            edgecolor=INDIVIDUAL,
            linewidth=1.5,
            zorder=3,
        )
        axes.add_patch(box)
        below = _beneath(name, scheme, model)
        size = 9 if len(name) <= 9 else 7.5
        axes.text(x, y + (0.12 if below else 0), name, ha="center", va="center", fontsize=size, zorder=4)
        if below:
            axes.text(x, y - 0.17, below, ha="center", va="center", fontsize=7.5, color=MUTED, zorder=4)
    labels = {(flow.source, flow.target): flow.label for flow in scheme.flows}
    outside: dict[tuple[str, bool], int] = {}
    for flow in scheme.flows:
        if OUTSIDE in (flow.source, flow.target):
            key = (flow.source or flow.target, flow.source == OUTSIDE)
            outside[key] = outside.get(key, 0) + 1
            _open_arrow(axes, flow, places, outside[key])
        else:
            _arrow(axes, flow, places, labels.get((flow.target, flow.source)))
    for source, target in scheme.influences:
        _dotted(axes, places[source], places[target])
    if scheme.dose in places:
        _dose(axes, places[scheme.dose], model)
    across, up = _limits(scheme)
    axes.set(xlim=across, ylim=up)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _beneath(name: str, scheme: Scheme, model: Model) -> str:
    """Volume of a closed form's compartment, and the observed outputs that are read there."""
    structure = model.structure
    said = []
    if hasattr(structure, "volume") and structure.parameterisation == "clearances":
        volumes = {"central": structure.volume, "peripheral": "V2", "peripheral1": "V2", "peripheral2": "V3"}
        said += [volumes[name]] if volumes.get(name) in structure.parameters else []
    said += [f"→ {output}" for output, place in scheme.outputs if place == name and output in model.residuals]
    return "  ".join(said)


def _arrow(axes: Any, flow: Flow, places: dict[str, tuple[float, float]], back: str | None) -> None:
    """A flow between two boxes; one that goes both ways at the same rate is labelled once."""
    names = list(places)
    start, end = np.array(places[flow.source]), np.array(places[flow.target])
    along = (end - start) / np.linalg.norm(end - start)
    side = np.array([-along[1], along[0]]) * (0.13 if back is not None else 0.0)
    a = start + _edge(along) + side
    b = end + _edge(-along) + side
    _line(axes, a, b, INK)
    same = back == flow.label
    if same and names.index(flow.source) > names.index(flow.target):
        return
    across = np.array([-along[1], along[0]])
    if same and ((a + b) / 2)[1] < -0.2:  # on the outer side
        across = -2.0 * across
    steep = abs(along[1]) > 0.3
    axes.text(
        *((a + b) / 2 + across * (0.3 if steep else 0.12)),
        flow.label,
        fontsize=8,
        ha="center",
        va="center" if steep else ("bottom" if along[0] > 0 else "top"),
        zorder=5,
    )


def _open_arrow(axes: Any, flow: Flow, places: dict[str, tuple[float, float]], count: int) -> None:
    """Loss downwards, production from above."""
    coming = flow.source == OUTSIDE
    x, y = places[flow.target if coming else flow.source]
    x += 0.42 * (count - 1) + (-0.3 if coming else 0.3)
    if coming:
        _line(axes, np.array([x, y + _HEIGHT / 2 + 0.55]), np.array([x, y + _HEIGHT / 2 + 0.03]), INK)
        axes.text(x - 0.08, y + _HEIGHT / 2 + 0.33, flow.label, fontsize=8, ha="right", va="center")
    else:
        _line(axes, np.array([x, y - _HEIGHT / 2 - 0.03]), np.array([x, y - _HEIGHT / 2 - 0.58]), INK)
        axes.text(x + 0.1, y - _HEIGHT / 2 - 0.36, flow.label, fontsize=8, ha="left", va="center")


def _dotted(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> None:
    from matplotlib.patches import FancyArrowPatch

    a, b = np.array(start), np.array(end)
    along = (b - a) / np.linalg.norm(b - a)
    patch = FancyArrowPatch(
        a + _edge(along),
        b + _edge(-along),
        arrowstyle="-|>",
        mutation_scale=9,
        color=SMOOTH,
        linewidth=1.1,
        linestyle=(0, (1.5, 2)),
        connectionstyle="arc3,rad=-0.18",
        shrinkA=2,
        shrinkB=2,
    )
    axes.add_patch(patch)


def _dose(axes: Any, place: tuple[float, float], model: Model) -> None:
    x, y = place
    _line(axes, np.array([x - _WIDTH / 2 - 0.75, y]), np.array([x - _WIDTH / 2 - 0.03, y]), POPULATION)
    names = [p for p in model.parameters if p.partition("_")[0] in ("F", "ALAG", "D", "R")]
    label = "dose" + (f"\n{', '.join(names)}" if names else "")
    axes.text(x - _WIDTH / 2 - 0.82, y, label, ha="right", va="center", fontsize=8.5, color=POPULATION)


def _line(axes: Any, start: np.ndarray, end: np.ndarray, color: str) -> None:
    axes.annotate(
        "",
        xy=tuple(end),
        xytext=tuple(start),
        arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0},
    )


def _edge(along: np.ndarray) -> np.ndarray:
    """From the middle of a box to its edge in a direction."""
    reach = min(
        (_WIDTH / 2 + 0.04) / max(abs(along[0]), 1e-9), (_HEIGHT / 2 + 0.04) / max(abs(along[1]), 1e-9)
    )
    return along * reach


# --- the three layers ----------------------------------------------------------------------------


def _draw_layers(axes: Any, model: Model) -> None:
    """Population, individuals, observations, from top to bottom."""
    formulas = _sections(model)
    population = [f"{q.name} ~ {q.text}" for q in quantities(model) if not q.known and q.block != RESIDUAL]
    known = [f"{q.name} = {q.value:g}" for q in quantities(model) if q.known]
    residual = [f"{q.name} ~ {q.text}" for q in quantities(model) if not q.known and q.block == RESIDUAL]
    layers = (
        ("Population", POPULATION, population + known),
        ("Individuals", INDIVIDUAL, formulas.get("Individual parameters", []) + _effects(formulas)),
        ("Observations", INK, formulas.get("Observations", []) + residual),
    )
    texts = [_wrapped(lines) for _, _, lines in layers]
    total = sum(len(text) for text in texts) + 2.2 * len(layers)
    y = 1.0
    for (title, color, _), text in zip(layers, texts, strict=True):
        height = (len(text) + 1.2) / total
        axes.add_patch(_box(0.0, y - height, height, color))
        axes.text(0.02, y - 0.6 / total, title, color=color, fontsize=9.5, weight="bold", va="center")
        for k, line in enumerate(text):
            axes.text(0.03, y - (1.6 + k) / total, line, fontsize=7.4, va="center", family="monospace")
        if title != "Observations":
            arrow = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1.2}
            axes.annotate("", xy=(0.5, y - height - 0.95 / total), xytext=(0.5, y - height), arrowprops=arrow)
        y -= height + 1.0 / total
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_axis_off()


def _sections(model: Model) -> dict[str, list[str]]:
    """The printed equations by their headings."""
    from bayes_nlmem.model.equations import equations

    found: dict[str, list[str]] = {}
    heading = ""
    for line in str(equations(model)).split("\n"):
        if line and not line.startswith(" "):
            heading = line.partition(" (")[0]
        elif line:
            found.setdefault(heading, []).append(line.strip())
    return found


def _effects(formulas: dict[str, list[str]]) -> list[str]:
    return [line for heading, lines in formulas.items() if "effects" in heading for line in lines]


def _wrapped(lines: list[str]) -> list[str]:
    short = [" ".join(line.split()) for line in lines]
    text = [piece for line in short for piece in textwrap.wrap(line, 68, subsequent_indent="    ")]
    if len(text) > _MOST_LINES:
        return [*text[: _MOST_LINES - 1], f"… and {len(text) - _MOST_LINES + 1} more lines"]
    return text


def _box(x: float, y: float, height: float, color: str) -> Any:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x, y),
        1.0,
        height,
        boxstyle="round,pad=0.0,rounding_size=0.015",
        facecolor=color,
        edgecolor=color,
        linewidth=1.0,
        alpha=0.09,
    )
