"""Small event tables, and what the user sees when they are wrong."""

import io

import pytest

import bayes_nlmem as bn


def table(text: str) -> io.StringIO:
    """A csv file: one record per line, blanks around cells do not count."""
    lines = [",".join(cell.strip() for cell in line.split(",")) for line in text.strip().splitlines()]
    return io.StringIO("\n".join(lines))


@pytest.fixture
def refused():
    """Read a table that must be refused; return the fault of the code and the text the user sees."""

    def refuse(source, code, *, only=True, **how):
        with pytest.raises(bn.DataError) as caught:
            bn.read(table(source) if isinstance(source, str) else source, **how)
        faults = {fault.code: fault for fault in caught.value.faults}
        assert code in faults, f"expected {code}, got {list(faults)}"
        if only:
            assert list(faults) == [code], f"expected {code} alone, got {list(faults)}"
        text = str(caught.value)
        assert text.startswith(f"{len(caught.value.faults)} fault") and code in text
        return faults[code], text

    return refuse


@pytest.fixture
def doubted():
    """Read a table that is accepted with a warning; return the warning."""

    def doubt(source, code, **how):
        data = bn.read(table(source) if isinstance(source, str) else source, **how)
        warnings = {fault.code: fault for fault in data.warnings}
        assert code in warnings, f"expected {code}, got {list(warnings)}"
        assert code in repr(data)
        return warnings[code]

    return doubt
