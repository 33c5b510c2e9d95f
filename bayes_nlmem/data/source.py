"""From a file, a buffer or a DataFrame to a frame of cells, unchanged."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayes_nlmem.ground.messages import DataError, Fault, closest, names_text

MISSING = ("", ".", "NA", "NaN", "nan", "N/A", "#N/A")
DELIMITERS = {"\t": "tab", ";": "semicolon", ",": "comma", " ": "whitespace"}
_PREAMBLE = re.compile(r"^\s*TABLE\s+NO\.", re.IGNORECASE)
_LEADING_ZERO = r"[+-]?0\d+"


@dataclass(frozen=True)
class Raw:
    """What was read: the frame, its name for messages, the row numbers in the file, remarks."""

    frame: pd.DataFrame
    name: str
    row: np.ndarray
    notes: tuple[str, ...] = ()


def open_source(
    source: Any,
    *,
    delimiter: str | None = None,
    decimal: str | None = None,
    comment: str | None = None,
    encoding: str = "utf-8",
) -> Raw:
    """Read `source` without interpreting it.

    A DataFrame is kept as it is. The frame of a file equals `pandas.read_csv(file, sep=delimiter,
    decimal=decimal, keep_default_na=False, na_values=MISSING, skipinitialspace=True)`, with one exception:
    a column in which some cell is a whole number with leading zeros (007) stays text.

    Parameters
    ----------
    source : path, text buffer or DataFrame
        What to read.
    delimiter, decimal, comment, encoding : str, optional
        How the file is written; the delimiter is found out if not given.

    Returns
    -------
    Raw

    Raises
    ------
    DataError
        If there is nothing that could be checked further.
    """
    if isinstance(source, pd.DataFrame):
        if source.empty:
            raise _refusal("E_NO_RECORDS", "a DataFrame", "Expected at least one record, got 0 rows.")
        return Raw(source.copy(), "the DataFrame", np.arange(1, len(source) + 1))
    name, text = _text_of(source, encoding)
    return _parse(text, name, delimiter, decimal or ".", comment)


def _refusal(code: str, source: str, message: str, remedy: str = "", rows: Sequence[int] = ()) -> DataError:
    return DataError(faults=[Fault(code, message, tuple(rows), (), remedy)], source=source)


def _text_of(source: Any, encoding: str) -> tuple[str, str]:
    if hasattr(source, "read"):
        content = source.read()
        content = content if isinstance(content, bytes) else str(content).encode(encoding)
        return _decoded(content, "the buffer", encoding)
    try:
        path = Path(source).expanduser()
    except TypeError:
        kind = type(source).__name__
        message = f"Expected a path, a text buffer or a pandas DataFrame, got {kind}."
        remedy = "Convert it: bn.read(pd.DataFrame(...))."
        raise _refusal("E_SOURCE_TYPE", "the call", message, remedy) from None
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing there"
        names = [p.name for p in path.parent.iterdir() if p.is_file()] if path.parent.is_dir() else []
        there = path.parent.is_dir()
        remedy = closest(path.name, names) if there else f"The folder {path.parent} does not exist."
        remedy = remedy or f"Check the path; the current folder is {Path.cwd()}."
        raise _refusal("E_FILE_NOT_FOUND", str(path), f"Expected a file, got {what}.", remedy)
    return _decoded(path.read_bytes(), path.name, encoding)


def _decoded(content: bytes, name: str, encoding: str) -> tuple[str, str]:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        remedy = "Read a spreadsheet with pandas: bn.read(pd.read_excel(...)), or export it as csv."
        message = "Expected a text file, got a spreadsheet or an archive."
        raise _refusal("E_UNDECODABLE_FILE", name, message, remedy)
    try:
        return name, content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except (UnicodeDecodeError, LookupError) as error:
        remedy = "Save the file as UTF-8 or name its encoding, e.g. encoding='latin-1' or 'utf-16'."
        message = f"Expected text in {encoding}, got bytes that are not ({error})."
        raise _refusal("E_UNDECODABLE_FILE", name, message, remedy) from None


def _parse(text: str, name: str, delimiter: str | None, decimal: str, comment: str | None) -> Raw:
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise _refusal("E_EMPTY_FILE", name, "Expected a header and records, got an empty file.")
    notes: list[str] = []
    while len(lines) > 1 and _PREAMBLE.match(lines[0]):
        notes.append(f"the line {lines.pop(0).strip()!r} above the header was skipped")
    header_line, records = lines[0], lines[1:]
    found = delimiter or find_delimiter(header_line, records[:50])
    header = split(header_line, found)
    _check_header(header, header_line, name, delimiter)
    if not records:
        raise _refusal("E_NO_RECORDS", name, "Expected records below the header, got the header only.")
    row = np.arange(1, len(records) + 1)
    marked = _commented(records, header, comment)
    if marked.any() and comment is None:
        mark = records[int(np.argmax(marked))].lstrip()[0]
        message = f"Expected records, got rows that start with the comment mark {mark!r}."
        remedy = f"Pass comment={mark!r} to leave them out, or remove the mark."
        raise _refusal("E_COMMENTED_ROWS", name, message, remedy, row[marked].tolist())
    if marked.any():
        rows = names_text(row[marked], noun="row")
        notes.append(f"left out because of comment={comment!r}: {rows}")
        records, row = [line for line, skip in zip(records, marked, strict=True) if not skip], row[~marked]
    _check_widths(records, row, header, found, name)
    frame = _frame(records, found, decimal)
    frame.columns = pd.Index(header)
    if found != ",":
        notes.append(f"delimiter: {DELIMITERS.get(found, repr(found))}")
    return Raw(frame, name, row, tuple(notes))


def _commented(records: list[str], header: list[str], comment: str | None) -> np.ndarray:
    """Rows that start with the comment mark; by default # and, under a first column C, the letter C."""
    marks = (comment,) if comment else ("#", "C") if header[0] == "C" else ("#",)
    return np.array([line.lstrip().startswith(marks) for line in records])


def find_delimiter(header: str, records: Sequence[str]) -> str:
    r"""Delimiter of a table: the one of tab, semicolon, comma that splits the header, else whitespace.

    Of several, the one that splits the records into as many cells as the header is taken.

    Examples
    --------
    >>> find_delimiter("ID;TIME;DV", ["1;0,5;2,25"])
    ';'
    """
    candidates = [mark for mark in ("\t", ";", ",") if mark in header]
    for mark in candidates:
        width = len(split(header, mark))
        if all(len(split(line, mark)) == width for line in records):
            return mark
    return candidates[0] if candidates else " "


def split(line: str, delimiter: str) -> list[str]:
    """Cells of one line, quotes and surrounding blanks removed."""
    if delimiter == " ":
        return [cell.strip("\"'") for cell in line.split()]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))]


def _check_header(header: list[str], line: str, name: str, delimiter: str | None) -> None:
    if len(header) < 2:
        better = find_delimiter(line, []) if delimiter else " "
        remedy = (
            f"The header looks {DELIMITERS[better]}-delimited: leave out delimiter= or set it to {better!r}."
            if delimiter and len(split(line, better)) > 1
            else "Separate the columns by comma, semicolon, tab or blanks, or name the mark: delimiter='|'."
        )
        message = f"Expected several columns, got one: {line.strip()[:60]!r}."
        raise _refusal("E_WRONG_DELIMITER", name, message, remedy)
    if all(_is_number(cell) or cell in MISSING for cell in header):
        message = f"Expected column names in the first line, got numbers: {line.strip()[:60]!r}."
        remedy = "Write the names there, or bn.read(pd.read_csv(file, names=['ID', 'TIME', ...]))."
        raise _refusal("E_NO_HEADER", name, message, remedy)


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _check_widths(records: list[str], row: np.ndarray, header: list[str], delimiter: str, name: str) -> None:
    if delimiter == " ":
        widths = np.array([len(line.split()) for line in records])
    elif any('"' in line for line in records):
        widths = np.array([len(split(line, delimiter)) for line in records])
    else:
        widths = np.array([line.count(delimiter) + 1 for line in records])
    wrong = widths != len(header)
    if not wrong.any():
        return
    got = ", ".join(map(str, sorted(set(widths[wrong].tolist()))[:4]))
    remedy = "Complete or shorten these rows; write a missing cell as '.'."
    if delimiter == "," and (widths > len(header)).any():
        remedy += " If the numbers have decimal commas, save the file with semicolons and pass decimal=','."
    message = f"Expected {len(header)} cells in each row as in the header, got {got}."
    raise _refusal("E_RAGGED_ROWS", name, message, remedy, row[wrong].tolist())


def _frame(records: list[str], delimiter: str, decimal: str) -> pd.DataFrame:
    text = "\n".join(records)
    how: dict[str, Any] = {
        "sep": r"\s+" if delimiter == " " else delimiter,
        "header": None,
        "index_col": False,
        "keep_default_na": False,
        "na_values": list(MISSING),
        "skipinitialspace": True,
        "low_memory": False,
        "skip_blank_lines": False,
    }
    edge = rf"[{re.escape(delimiter)}\s\"']"
    padded = re.compile(rf"(?:^|{edge}){_LEADING_ZERO}(?={edge}|$)", re.M)
    as_text: dict[int, type] = {}
    if padded.search(text):
        cells = pd.read_csv(io.StringIO(text), dtype=str, **how)
        as_text = {i: str for i in cells if cells[i].str.fullmatch(_LEADING_ZERO).any()}
    return pd.read_csv(io.StringIO(text), dtype=as_text or None, decimal=decimal, **how)
