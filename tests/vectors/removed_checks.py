"""Every check of the reference, found in its source, and the reference without one of them.

A check is what lets a function refuse:

- the condition of an `if` that raises, or returns nothing, None, False or a Rejection; where it joins several by `or`,
  or negates several joined by `and`, each of them is a check of its own. Removed: it is False, an `else` remains;
- the condition of `x if condition else None` and of a `return a == b and c` (of `return compare_digest(a, b)` too),
  each part of an `and` by itself, and every other `compare_digest`. Removed: it is True;
- any other `raise`. Removed: nothing is done;
- a statement that only calls something named `check`, or `parse_json`, and drops its result. Removed likewise.

Left out is what an `except` does: it gives one error another name, and without it the refusal remains. Neither are the
filters of rejection sampling checks: without them other values come out, but nothing more is accepted.

The function with a check removed is compiled from the changed source and its code put in the place of the old one, in
this process; no file changes.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TypeGuard

import nen_ref

ROOT = Path(nen_ref.__file__).parent
LAYERS = ("primitives", "protocol")


@dataclass(frozen=True)
class Check:
    """One check: `module` as in "protocol.wire", the qualified name of its `function`, and what is removed as `text`.

    `node` is removed by putting `value` in its place, or no statement. `whole` is what decides: the condition of which
    `node` is all or a part, and which `accepts` by being true or by being false; or a statement, the same as `node`.
    """

    module: str
    function: str
    text: str
    node: ast.AST = field(repr=False, compare=False)
    whole: ast.AST = field(repr=False, compare=False)
    accepts: bool = field(repr=False, compare=False)
    value: bool | None = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        return f"{self.module}.{self.function}: {self.text}"

    @property
    def instead(self) -> ast.AST:
        """What stands in the place of `node` when it is removed."""
        return ast.Pass() if self.value is None else ast.Constant(self.value)


def modules() -> list[str]:
    return [f"{layer}.{path.stem}" for layer in LAYERS for path in sorted((ROOT / layer).glob("[!_]*.py"))]


@cache
def source(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return parse(ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text("utf-8"))


def parse(text: str) -> ast.Module:
    """The syntax tree, in which a <= b <= c is written a <= b and b <= c."""
    tree: ast.Module = ast.fix_missing_locations(_Unchain().visit(ast.parse(text)))
    return tree


@cache
def checks(module: str) -> tuple[Check, ...]:
    """All checks of a module."""
    return find(module, source(module))


def find(module: str, tree: ast.Module) -> tuple[Check, ...]:
    """All checks in a tree, with different ids."""
    found: dict[str, Check] = {}
    for function, scope in _functions(tree, ""):
        for node, whole, accepts, value in _checks_in(scope):
            check = Check(module, function, ast.unparse(node), node, whole, accepts, value)
            assert check.id not in found, f"two checks {check.id}: tell them apart"
            found[check.id] = check
    return tuple(found.values())


# Finding them

Found = tuple[ast.AST, ast.AST, bool, bool | None]


def _functions(scope: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            yield f"{prefix}{node.name}", node


def _checks_in(scope: ast.AST) -> Iterator[Found]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.ExceptHandler):
            continue
        if isinstance(node, ast.If) and _refuses(node.body):
            yield from _parts(node.test, node.test, False)
            yield from _checks_in(ast.Module(node.orelse, []))
            continue
        if isinstance(node, ast.Return) and _is_verdict(node.value):
            yield from _parts(node.value, node.value, True)
            continue
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and _is_check_call(node.value)):
            yield node, node, False, None
        elif isinstance(node, ast.IfExp) and _is_none(node.orelse):
            yield from _parts(node.test, node.test, True)
        elif _is_call_of(node, "compare_digest"):
            yield node, node, True, True
        yield from _checks_in(node)


def _parts(node: ast.expr, whole: ast.expr, accepts: bool, negated: bool = False) -> Iterator[Found]:
    """The parts of a condition any of which is enough to refuse."""
    value = accepts is not negated  # of a part that does not refuse
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and isinstance(node.operand, ast.BoolOp):
        yield from _parts(node.operand, whole, accepts, not negated)
    elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And if value else ast.Or):
        for part in node.values:
            yield from _parts(part, whole, accepts, negated)
    else:
        yield node, whole, accepts, value


def _refuses(body: list[ast.stmt]) -> bool:
    if len(body) != 1:
        return False
    (only,) = body
    if isinstance(only, ast.Raise):
        return True
    return isinstance(only, ast.Return) and (
        _is_none(only.value) or ast.unparse(only).startswith(("return False", "return Rejection."))
    )


def _is_none(node: ast.expr | None) -> bool:
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _is_verdict(node: ast.expr | None) -> TypeGuard[ast.expr]:
    return (isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And)) or _is_call_of(node, "compare_digest")


def _is_call_of(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name


def _is_check_call(node: ast.expr) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func).rpartition(".")[2]
    return "check" in name or name == "parse_json"


class _Unchain(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) == 1:
            return node
        terms = [node.left, *node.comparators]
        pairs = zip(terms, node.ops, terms[1:], strict=False)
        return ast.BoolOp(ast.And(), [ast.Compare(copy.deepcopy(a), [op], [b]) for a, op, b in pairs])


# Changing the reference


@contextmanager
def removed(*gone: Check) -> Iterator[None]:
    """The reference without these checks."""
    instead = {check.node: check.instead for check in gone}
    with ExitStack() as stack:
        for module in {check.module for check in gone}:
            functions = {check.function for check in gone if check.module == module}
            stack.enter_context(_changed(module, functions, instead.get))
        yield


@contextmanager
def told(module: str, refuses: Callable[[Check], None]) -> Iterator[None]:
    """The reference, calling `refuses` with every check of `module` that does, and the others of the same condition.

    Whenever it is not called, the reference without that check does just the same: a part of a condition has no say
    unless the whole of it refuses, and a call that does not raise has no effect.
    """
    wholes: dict[int, list[Check]] = {}
    for check in checks(module):
        wholes.setdefault(id(check.whole), []).append(check)

    def tell(whole: int, refused: bool = True) -> None:
        if refused:
            for check in wholes[whole]:
                refuses(check)

    def decide(whole: int, value: object) -> object:
        tell(whole, bool(value) is not wholes[whole][0].accepts)
        return value

    def change(node: ast.AST) -> ast.AST | None:
        if id(node) not in wholes:
            return None
        if isinstance(node, ast.expr):
            return ast.Call(ast.Name("_decide", ast.Load()), [ast.Constant(id(node)), node], [])
        (statement,) = ast.parse(f"try: pass\nexcept BaseException:\n  _tell({id(node)})\n  raise").body
        assert isinstance(statement, ast.Try)
        assert isinstance(node, ast.stmt)
        statement.body = [node]
        return statement

    names = {"_decide": decide, "_tell": tell}
    holder = _module(module)
    vars(holder).update(names)
    try:
        with _changed(module, {check.function for check in checks(module)}, change):
            yield
    finally:
        for name in names:
            delattr(holder, name)


@contextmanager
def _changed(module: str, functions: set[str], change: Callable[[ast.AST], ast.AST | None]) -> Iterator[None]:
    """The functions of a module compiled from its tree with other nodes, where `change` gives one."""
    tree = ast.fix_missing_locations(_Change(change).visit(source(module)))
    codes = dict(_codes(compile(tree, f"<{module}, changed>", "exec")))
    holder = _module(module)
    originals = {name: _function(holder, name) for name in functions}
    kept = {name: function.__code__ for name, function in originals.items()}
    try:
        for name, function in originals.items():
            function.__code__ = codes[name]
        yield
    finally:
        for name, function in originals.items():
            function.__code__ = kept[name]


class _Change:
    """A copy of a tree in which some nodes are others; the original stays as it is."""

    def __init__(self, change: Callable[[ast.AST], ast.AST | None]) -> None:
        self._change = change

    def visit(self, node: ast.AST) -> ast.AST:
        new = self._change(node)
        if new is not None:
            return copy.deepcopy(new)
        changed = copy.copy(node)
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                setattr(changed, name, self.visit(value))
            elif isinstance(value, list):
                setattr(changed, name, [self.visit(one) if isinstance(one, ast.AST) else one for one in value])
        return changed


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname, constant
            yield from _codes(constant)


def _module(module: str) -> ModuleType:
    return importlib.import_module(f"nen_ref.{module}")


def _function(holder: ModuleType, name: str) -> FunctionType:
    found = inspect.unwrap(attrgetter(name)(holder))
    function = getattr(found, "__func__", found)
    assert isinstance(function, FunctionType), name
    return function
