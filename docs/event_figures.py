"""Draws the figures of docs/pages/events.md from what its examples compute; run as a script."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PAGE = Path(__file__).parent / "pages" / "events.md"
EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def main() -> None:
    names: dict = {}
    for number, code in enumerate(EXAMPLE.findall(PAGE.read_text("utf-8")), 1):
        exec(compile(code, f"events.md, example {number}", "exec"), names)
    keys = {"doses from time 0": "train", "SS = 1": "steady", "SS = 1, ALAG = 4 h": "late"}
    steady = {label: names[key] for label, key in keys.items()}
    for file, courses in (("infusions", names["infusions"]), ("steady", steady)):
        figure, axes = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
        for (label, values), colour in zip(courses.items(), ("#1f5fa8", "#d1495b", "#3a8f5c"), strict=True):
            axes.plot(names["times"], values, label=label, color=colour)
        axes.set(xlabel="Time [h]", ylabel="Concentration [mg/L]", xlim=(0, 48), ylim=(0, None))
        axes.set_xticks(range(0, 49, 6))
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        figure.savefig(PAGE.parent / "events" / f"{file}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
