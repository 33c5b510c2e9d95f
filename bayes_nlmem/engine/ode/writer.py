"""LLVM assembly for nodes of an expression graph: one function at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from bayes_nlmem.engine.ode.expressions import CONDITIONS, LEAVES, Graph
from bayes_nlmem.engine.ode.model_table import LANES

VECTOR = f"<{LANES} x double>"

_ARITHMETIC = {"add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv"}
_INTRINSICS = ("exp", "log", "sqrt", "sin", "cos", "floor")
_LIBRARY = ("log1p", "expm1", "tanh", "lgamma")
# Multiplications and additions may be joined, several divisions by one number become multiplications by its
# inverse; nothing is reordered, NaN stays NaN.
_FLAGS = "nsz contract arcp"

DECLARATIONS = "\n".join(
    [f"declare double @llvm.{name}.f64(double)" for name in (*_INTRINSICS, "fabs")]
    + ["declare double @llvm.pow.f64(double, double)", f"declare {VECTOR} @llvm.fabs.v{LANES}f64({VECTOR})"]
    + [f"declare double @{name}(double)" for name in _LIBRARY]
)

# x^y through the logarithm, which the derivatives by y need too; as `pow` has it where x is not positive.
POWER = """define internal double @power(double %x, double %y) alwaysinline {
entry:
  %log = call double @llvm.log.f64(double %x)
  %positive = fcmp ogt double %x, 0.0
  br i1 %positive, label %simple, label %odd
simple:
  %product = fmul double %y, %log
  %near = call double @llvm.exp.f64(double %product)
  ret double %near
odd:
  %far = call double @llvm.pow.f64(double %x, double %y)
  ret double %far
}"""


def literal(value: float) -> str:
    """A double as LLVM writes it, bit by bit."""
    return "0x" + struct.pack(">d", value).hex().upper()


# All functions have one type: double (double t, i64, ...) with this many integers, most of them addresses.
N_INTEGERS = 7


class Function:
    """One function being written. Pointers are i64 arguments; a node is written once."""

    def __init__(self, g: Graph, name: str, arguments: Iterable[str], hoisted: dict[int, int]) -> None:
        self.g, self.hoisted = g, hoisted
        names = [*arguments]
        names += [f"unused{i}" for i in range(len(names), N_INTEGERS)]
        self.lines = [
            f"define double @{name}(double %t, {', '.join(f'i64 %{a}' for a in names)}) {{",
            "entry:",
        ]
        self.values: dict[int, str] = {}
        self.kinds: dict[int, str] = {}
        self.count = 0

    def line(self, text: str) -> None:
        """Write a line."""
        self.lines.append("  " + text)

    def new(self, text: str) -> str:
        """Write a line that makes a value; returns its name."""
        self.count += 1
        name = f"%v{self.count}"
        self.line(f"{name} = {text}")
        return name

    def label(self, name: str) -> None:
        """Begin a block."""
        self.lines.append(f"{name}:")

    def end(self, value: str = "0x0") -> str:
        """Return a value, and give the text of the function."""
        self.line(f"ret double {value}")
        return "\n".join([*self.lines, "}"])

    # --- memory
    # ----------------------------------------------------------------------------------------------------

    def address(self, base: str, offset: int | str) -> str:
        """Pointer to the double number `offset` behind the i64 address `base`."""
        if isinstance(offset, int):
            number = self.new(f"add i64 {base}, {8 * offset}")
        else:
            number = self.new(f"add i64 {base}, {self.new(f'shl i64 {offset}, 3')}")
        return self.new(f"inttoptr i64 {number} to ptr")

    def load(self, base: str, offset: int | str, kind: str = "double") -> str:
        """Load a double or a vector."""
        return self.new(f"load {kind}, ptr {self.address(base, offset)}, align 8")

    def store(self, value: str, base: str, offset: int | str, kind: str = "double") -> None:
        """Store a double or a vector."""
        self.line(f"store {kind} {value}, ptr {self.address(base, offset)}, align 8")

    # --- arithmetic
    # ------------------------------------------------------------------------------------------------

    def times(self, a: str, b: str, kind: str = "double") -> str:
        """Product."""
        return self.new(f"fmul {_FLAGS} {kind} {a}, {b}")

    def plus(self, a: str, b: str, kind: str = "double") -> str:
        """Sum."""
        return self.new(f"fadd {_FLAGS} {kind} {a}, {b}")

    def total(self, terms: list[str], kind: str = "double") -> str:
        """Sum of any number of terms."""
        if not terms:
            return "zeroinitializer" if kind == VECTOR else literal(0.0)
        result = terms[0]
        for term in terms[1:]:
            result = self.plus(result, term, kind)
        return result

    def larger(self, x: str, y: str) -> str:
        """The larger of two; the second if one is not a number."""
        return self.new(f"select i1 {self.new(f'fcmp ogt double {x}, {y}')}, double {x}, double {y}")

    def smaller(self, x: str, y: str) -> str:
        """The smaller of two; the second if one is not a number."""
        return self.new(f"select i1 {self.new(f'fcmp olt double {x}, {y}')}, double {x}, double {y}")

    def spread(self, value: str) -> str:
        """The same value in every lane."""
        one = self.new(f"insertelement {VECTOR} poison, double {value}, i64 0")
        return self.new(f"shufflevector {VECTOR} {one}, {VECTOR} poison, <{LANES} x i32> zeroinitializer")

    def lanes(self, values: dict[int, str]) -> str:
        """A vector of the given lanes, 0 elsewhere."""
        vector = "zeroinitializer"
        for lane, value in values.items():
            vector = self.new(f"insertelement {VECTOR} {vector}, double {value}, i64 {lane}")
        return vector

    # --- nodes
    # -----------------------------------------------------------------------------------------------------

    def write(self, nodes: Iterable[int]) -> None:
        """Write nodes and all that they need."""
        needed: set[int] = set()
        pending = list(nodes)
        while pending:
            i = pending.pop()
            if i in needed or i in self.values:
                continue
            needed.add(i)
            if i not in self.hoisted and self.g.nodes[i][0] not in LEAVES:
                pending.extend(self._operands(i))
        for i in sorted(needed):
            self._write(i)

    def value(self, i: int) -> str:
        """Name of the value of a node, as a double."""
        self.write([i])
        if self.kinds.get(i) == "i1":
            return self.new(f"uitofp i1 {self.values[i]} to double")
        return self.values[i]

    def _operands(self, i: int) -> list[int]:
        op, *a = self.g.nodes[i]
        if op == "div" and (inverse := self.inverse(i)) in self.hoisted:
            return [a[0], inverse]
        return a

    def inverse(self, i: int) -> int:
        """Node of 1 / b for a node a / b whose b depends on parameters only; -1 otherwise."""
        op, *a = self.g.nodes[i]
        if op == "div" and self.g.only_parameters(a[1]) and not self.g.only_parameters(i):
            return self.g.make("div", self.g.const(1.0), a[1])
        return -1

    def _condition(self, i: int) -> str:
        if self.kinds.get(i) == "i1":
            return self.values[i]
        return self.new(f"fcmp une double {self.values[i]}, {literal(0.0)}")

    def _write(self, i: int) -> None:
        op, *a = self.g.nodes[i]
        if i in self.hoisted:
            self.values[i] = self.load("%q", self.hoisted[i])
        elif op == "const":
            self.values[i] = literal(a[0])
        elif op in ("t", "tad"):
            self.values[i] = "%t"
        elif op in ("y", "p"):
            self.values[i] = self.load("%z" if op == "y" else "%p", a[0])
        elif op in CONDITIONS:
            self.kinds[i] = "i1"
            self.values[i] = self._write_condition(op, a)
        elif op == "where":
            condition = self._condition(a[0])
            x, y = (self.value(k) for k in a[1:])
            self.values[i] = self.new(f"select i1 {condition}, double {x}, double {y}")
        elif op in ("max", "min"):
            x, y = (self.value(k) for k in a)
            first = self.new(f"fcmp {'ogt' if op == 'max' else 'olt'} double {x}, {y}")
            self.values[i] = self.new(f"select i1 {first}, double {x}, double {y}")
        elif op == "div" and (inverse := self.inverse(i)) in self.hoisted:
            self.values[i] = self.times(self.value(a[0]), self.value(inverse))
        elif op in _ARITHMETIC:
            x, y = (self.value(k) for k in a)
            self.values[i] = self.new(f"{_ARITHMETIC[op]} {_FLAGS} double {x}, {y}")
        elif op == "neg":
            self.values[i] = self.new(f"fneg double {self.value(a[0])}")
        elif op == "pow":
            x, y = (self.value(k) for k in a)
            self.values[i] = self.new(f"call double @power(double {x}, double {y})")
        else:
            function = op if op in _LIBRARY else f"llvm.{'fabs' if op == 'abs' else op}.f64"
            self.values[i] = self.new(f"call double @{function}(double {self.value(a[0])})")

    def _write_condition(self, op: str, a: list[int]) -> str:
        if op in ("lt", "le", "eq"):
            x, y = (self.value(k) for k in a)
            return self.new(f"fcmp o{op} double {x}, {y}")
        x = self._condition(a[0])
        if op == "not":
            return self.new(f"xor i1 {x}, true")
        return self.new(f"{op} i1 {x}, {self._condition(a[1])}")
