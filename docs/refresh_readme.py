"""Run the example of README.md and put its real output and picture there: `python docs/refresh_readme.py`."""

import base64
import contextlib
import io
import os
import re
import tempfile
from pathlib import Path

import bayes_nlmem as bn
from bayes_nlmem.reports.images import image

ROOT = Path(__file__).resolve().parents[1]
PARTS = re.compile(r"(```python\n)(?P<code>.*?)(```\n\n```\n).*?(\n```\n)", re.DOTALL)
SHOWN = (1, 2, 5, 7, 9, 10, 11, 12)


def main() -> None:
    """Rewrite the block after the example, and the picture."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    code = PARTS.search(text)["code"]
    printed, names = io.StringIO(), {}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), names)
        os.chdir(ROOT)
    output = printed.getvalue().strip()
    readme.write_text(PARTS.sub(lambda found: found[1] + code + found[3] + output + found[4], text), "utf-8")
    picture = image(bn.plot_individual_fits(names["fit"], subjects=SHOWN)).address.partition(",")[2]
    (ROOT / "docs" / "images" / "individual_fits.png").write_bytes(base64.b64decode(picture))


if __name__ == "__main__":
    main()
