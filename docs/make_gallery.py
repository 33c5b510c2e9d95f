"""Run the examples of docs/pages/gallery.md and save the pictures they make: `python docs/make_gallery.py`.

An example that assigns `figure` is followed by the image it goes into.
"""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parent / "pages"
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```(?:\n\n!\[[^\]]*\]\((?P<image>[^)]+)\))?", re.DOTALL)
DPI = 75


def main() -> None:
    names: dict[str, object] = {}
    for number, found in enumerate(EXAMPLE.finditer((PAGES / "gallery.md").read_text("utf-8")), 1):
        if found["code"].startswith("# not run"):
            continue
        exec(compile(found["code"], f"gallery.md, example {number}", "exec"), names)
        if found["image"]:
            path = PAGES / found["image"]
            path.parent.mkdir(exist_ok=True)
            names["figure"].savefig(path, dpi=DPI)  # type: ignore[attr-defined]
            print(path.relative_to(PAGES), path.stat().st_size // 1024, "kB")


if __name__ == "__main__":
    main()
