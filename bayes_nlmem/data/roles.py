"""Which column is what: reserved names, the user's mapping, covariates, the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bayes_nlmem.ground.mapping import FrozenMapping
from bayes_nlmem.ground.messages import Fault, closest, names_text

RESERVED = (
    "ID", "TIME", "DATE", "AMT", "RATE", "DUR", "ADDL", "II", "SS", "EVID", "CMT",
    "DV", "MDV", "CENS", "LIMIT", "LLOQ", "DVID", "OCC", "L2",
)  # fmt: skip
METHODS = ("constant", "nocb", "locf", "linear")


@dataclass(frozen=True)
class Roles:
    """Labels of the frame by role.

    Parameters
    ----------
    reserved : FrozenMapping
        Reserved name -> label in the frame.
    covariates : FrozenMapping
        Covariate name -> label in the frame.
    methods : FrozenMapping
        Covariate name -> declared method, None if it is to be found out.
    categorical : frozenset of str
        Covariates declared categorical.
    ignored : tuple of str
        Labels that nobody asked for.
    notes : tuple of str
        Remarks for the summary.
    """

    reserved: FrozenMapping[str, str]
    covariates: FrozenMapping[str, str]
    methods: FrozenMapping[str, str | None]
    categorical: frozenset[str]
    ignored: tuple[str, ...]
    notes: tuple[str, ...]


def assign_roles(
    labels: Iterable[str],
    *,
    columns: Mapping[str, str | None],
    covariates: Mapping[str, str | None],
    categorical: Iterable[str],
    required: Iterable[str],
) -> tuple[Roles, tuple[Fault, ...]]:
    """Find the role of every column.

    Parameters
    ----------
    labels : iterable of str
        Column labels of the frame, in order.
    columns : mapping
        Reserved or covariate name -> label, as the user gave it; None if the column has another meaning.
    covariates : mapping
        Covariate name -> method or None.
    categorical : iterable of str
        Covariates to be treated as categories.
    required : iterable of str
        Reserved names that must be there.

    Returns
    -------
    roles : Roles
    faults : tuple of Fault
    """
    labels = [str(label) for label in labels]
    faults: list[Fault] = []
    given = {_canonical(name): label for name, label in columns.items()}
    mapped = {name: label for name, label in given.items() if label is not None}
    faults += _mapping_faults(mapped, labels, covariates)
    reserved = {name: mapped[name] for name in RESERVED if mapped.get(name) in labels}
    notes: list[str] = []
    for name in RESERVED:
        if name in given:
            continue
        same = [label for label in labels if label.upper() == name and label not in reserved.values()]
        faults += _duplicate_faults(name, same)
        if same:
            reserved[name] = same[0]
    if "ID" not in given and "ID" not in reserved and labels[0].upper().lstrip("#@;C ") == "ID":
        reserved["ID"] = labels[0]
        notes.append(f"the column {labels[0]!r} is read as ID (comment mark in the header)")
    for label in dict.fromkeys(labels):
        if label.upper() not in RESERVED:
            faults += _duplicate_faults(label, [same for same in labels if same == label])
    named = {name: mapped.get(name, name) for name in covariates}
    faults += _covariate_faults(named, mapped, labels)
    faults += [*_missing_faults(required, reserved, mapped, labels)]
    faults += [*_categorical_faults(categorical, covariates)]
    found = {name: label for name, label in named.items() if label in labels and name.upper() not in RESERVED}
    used = {*reserved.values(), *found.values()}
    roles = Roles(
        FrozenMapping(reserved),
        FrozenMapping(found),
        FrozenMapping(covariates),
        frozenset(categorical) & frozenset(found),
        tuple(dict.fromkeys(label for label in labels if label not in used)),
        tuple(notes),
    )
    return roles, tuple(faults)


def _canonical(name: str) -> str:
    return name.upper() if name.upper() in RESERVED else name


def _mapping_faults(
    mapped: Mapping[str, str], labels: list[str], covariates: Mapping[str, str | None]
) -> Iterator[Fault]:
    for name, label in mapped.items():
        if name not in RESERVED and name not in covariates:
            remedy = closest(name, RESERVED)
            if label.upper() in RESERVED:
                remedy = f"The reserved name comes first: columns={{{label.upper()!r}: {name!r}}}."
            expected = f"a reserved name ({', '.join(RESERVED)}) or a covariate in columns"
            yield Fault("E_UNKNOWN_ROLE", f"Expected {expected}, got {name!r}.", remedy=remedy)
            continue
        if label not in labels:
            message = f"columns maps {name} to {label!r}, got no such column."
            yield Fault("E_UNKNOWN_COLUMN", message, remedy=_columns_there(label, labels))
    shared: dict[str, list[str]] = {}
    for name, label in mapped.items():
        if name in RESERVED:
            shared.setdefault(label, []).append(name)
    for label, names in shared.items():
        if len(names) > 1:
            message = f"Expected one reserved name per column, got {names_text(names)} for {label!r}."
            yield Fault("E_COLUMN_USED_TWICE", message, remedy="Copy the column under a second name.")


def _duplicate_faults(name: str, labels: list[str]) -> Iterator[Fault]:
    if len(labels) > 1:
        message = f"Expected one column {name}, got {len(labels)}: {', '.join(labels)} (case does not count)."
        remedy = f"Remove or rename all but one, or choose: columns={{{name!r}: {labels[0]!r}}}."
        if len(set(labels)) == 1:
            message = f"Expected one column {name}, got {len(labels)}."
            remedy = "Rename or remove all but one."
        yield Fault("E_DUPLICATED_COLUMN", message, remedy=remedy)


def _missing_faults(
    required: Iterable[str], reserved: Mapping[str, str], mapped: Mapping[str, str], labels: list[str]
) -> Iterator[Fault]:
    for name in required:
        if name not in reserved and name not in mapped:
            near = closest(name, labels)
            remedy = f"Say which column it is: columns={{{name!r}: '...'}}. {near} The columns are: "
            remedy = remedy.replace("  ", " ") + f"{', '.join(labels)}."
            yield Fault("E_MISSING_COLUMN", f"Expected a column {name}, got none.", remedy=remedy)


def _covariate_faults(
    named: Mapping[str, str], mapped: Mapping[str, str], labels: list[str]
) -> Iterator[Fault]:
    for name, label in named.items():
        if name.upper() in RESERVED:
            message = f"Expected a covariate, got {name!r}, which is a reserved name."
            yield Fault("E_COVARIATE_RESERVED", message, remedy="Copy the column under another name.")
        elif label not in labels and name not in mapped:
            message = f"Expected a column for the covariate {name!r}, got none (case counts)."
            yield Fault("E_COVARIATE_ABSENT", message, remedy=_columns_there(name, labels))


def _categorical_faults(categorical: Iterable[str], covariates: Mapping[str, str | None]) -> Iterator[Fault]:
    for name in categorical:
        if name not in covariates:
            message = f"Expected names of covariates in categorical, got {name!r}."
            remedy = f"Name it in covariates too. {closest(name, covariates)}"
            yield Fault("E_CATEGORICAL_UNKNOWN", message, remedy=remedy.strip())


def _columns_there(name: str, labels: list[str]) -> str:
    return f"{closest(name, labels)} The columns are: {', '.join(labels)}.".strip()
