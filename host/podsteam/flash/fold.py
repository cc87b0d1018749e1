# SPDX-License-Identifier: Apache-2.0
"""Fold `const` across modules, as MicroPython's compiler does within one: the device has no room for names of numbers.

`m.STATE_IDLE`, where `m` is a module of ours that says `STATE_IDLE = const(0)`, becomes `0`, and the definition
goes. So does what only a type checker reads: `if TYPE_CHECKING`, and the asking for it; and a module's `NAME = "text"`
that no module mentions, of which the protocol has many. Nothing else changes, and every line stays on its line, so a
complaint of the compiler tells where. What runs is proved to be the same by replaying a whole session on the folded
files (`tests/alone`).
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Positioned = ast.stmt | ast.expr
_TYPING = "TYPE_CHECKING"


@dataclass
class Module:
    """A source with what was found in it."""

    name: str
    source: str
    tree: ast.Module
    constants: dict[str, int] = field(default_factory=dict[str, int])


def fold(sources: Mapping[str, str]) -> dict[str, str]:
    """Fold a set of modules, given and returned as {dotted name: source}.

    Raises ValueError for a constant that is assigned to anywhere else.
    """
    modules = {name: Module(name, source, ast.parse(source)) for name, source in sources.items()}
    for name in modules:
        _find_constants(modules, name, set())
    mentioned = _mentioned(modules)
    return {name: _Folder(modules, module, mentioned).run() for name, module in modules.items()}


def _mentioned(modules: dict[str, Module]) -> set[str]:
    """Every name that any module reads or imports, whosever it is."""
    found: set[str] = set()
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute):
                found.add(node.attr)
            elif isinstance(node, ast.alias):
                found.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.add(node.id)
    return found


def _find_constants(modules: dict[str, Module], name: str, busy: set[str]) -> None:
    """Evaluate the module's constants; they may be built from those of modules that it imports."""
    module = modules[name]
    if module.constants or name in busy:
        return
    busy.add(name)
    known: dict[str, int] = {}
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            _find_constants(modules, node.module, busy)
            for alias in node.names:
                if alias.name in modules[node.module].constants:
                    known[alias.asname or alias.name] = modules[node.module].constants[alias.name]
        definition = _definition(node)
        if definition:
            target, value = definition
            number = eval(compile(ast.Expression(value), name, "eval"), {"__builtins__": {}}, dict(known))
            if isinstance(number, int):
                known[target] = module.constants[target] = number


def _definition(node: ast.stmt) -> tuple[str, ast.expr] | None:
    """The name and the expression of `NAME = const(expression)`."""
    if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1):
        return None
    target, call = node.targets[0], node.value
    if isinstance(target, ast.Name) and isinstance(call.func, ast.Name) and call.func.id == "const":
        return target.id, call.args[0]
    return None


class _Folder(ast.NodeVisitor):
    """Collects replacements of stretches of one source, then carries them out from the end."""

    def __init__(self, modules: dict[str, Module], module: Module, mentioned: set[str]) -> None:
        self._modules = modules
        self._module = module
        self._mentioned = mentioned
        self._names = dict(module.constants)
        self._aliases: dict[str, Module] = {}
        self._used: set[str] = set()
        self._edits: list[tuple[Positioned, Callable[[], str]]] = []

    def run(self) -> str:
        """The folded source."""
        for node in ast.walk(self._module.tree):
            if isinstance(node, ast.ImportFrom):
                self._import(node)
        self.visit(self._module.tree)
        lines = self._module.source.encode().split(b"\n")
        for node, text in sorted(self._edits, key=lambda edit: _start(edit[0]), reverse=True):
            _replace(lines, node, text())
        return b"\n".join(lines).decode()

    def _import(self, node: ast.ImportFrom) -> None:
        origin = node.module or ""
        for alias in node.names:
            name = alias.asname or alias.name
            if f"{origin}.{alias.name}" in self._modules:
                self._aliases[name] = self._modules[f"{origin}.{alias.name}"]
            elif origin in self._modules and alias.name in self._modules[origin].constants:
                self._names[name] = self._modules[origin].constants[alias.name]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Drop what is not needed any more; decided only when all uses are known."""
        if any(self._is_foldable(alias.asname or alias.name) for alias in node.names):
            self._edits.append((node, lambda: self._remaining_import(node)))

    def _is_foldable(self, name: str) -> bool:
        return name in self._names or name in self._aliases or name == "const"

    def _remaining_import(self, node: ast.ImportFrom) -> str:
        def needed(alias: ast.alias) -> bool:
            name = alias.asname or alias.name
            return not self._is_foldable(name) or name in self._used

        kept = [f"{a.name} as {a.asname}" if a.asname else a.name for a in node.names if needed(a)]
        return f"from {node.module} import {', '.join(kept)}" if kept else "pass"

    def visit_Assign(self, node: ast.Assign) -> None:
        """A definition of a constant goes; its docstring is dropped by the compiler."""
        definition = _definition(node)
        if (definition and definition[0] in self._module.constants) or self._unread(node):
            self._edits.append((node, lambda: "pass"))
            return
        self.generic_visit(node)

    def _unread(self, node: ast.Assign) -> bool:
        """Whether it is a text of the module, in capitals, that nobody reads."""
        target = node.targets[0]
        if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str | bytes)):
            return False
        return (
            isinstance(target, ast.Name)
            and target.id.isupper()
            and target.id not in self._mentioned
            and node in self._module.tree.body
        )

    def visit_If(self, node: ast.If) -> None:
        """`if TYPE_CHECKING` goes; with an `else` the compiler drops it."""
        if not (isinstance(node.test, ast.Name) and node.test.id == _TYPING):
            self.generic_visit(node)
        elif node.orelse:
            self._edits.append((node.test, lambda: "False"))
            for statement in node.orelse:
                self.visit(statement)
        else:
            self._edits.append((node, lambda: "pass"))

    def visit_Try(self, node: ast.Try) -> None:
        """The `try` that imports TYPE_CHECKING goes."""
        asked = node.body[0]
        if isinstance(asked, ast.ImportFrom) and [alias.name for alias in asked.names] == [_TYPING]:
            self._edits.append((node, lambda: "pass"))
        else:
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """`module.CONSTANT`."""
        if isinstance(node.value, ast.Name) and node.value.id in self._aliases:
            constants = self._aliases[node.value.id].constants
            if node.attr in constants:
                self._edits.append((node, lambda: _literal(constants[node.attr])))
                return
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """A constant of this module or one imported by name."""
        if node.id in self._names:
            if not isinstance(node.ctx, ast.Load):
                raise ValueError(f"{self._module.name}:{node.lineno}: {node.id} is a constant and is assigned to")
            self._edits.append((node, lambda: _literal(self._names[node.id])))
        else:
            self._used.add(node.id)


def _literal(number: int) -> str:
    return str(number) if number >= 0 else f"({number})"


def _start(node: Positioned) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _replace(lines: list[bytes], node: Positioned, text: str) -> None:
    """Put `text` in the place of `node`; the lines it spanned stay, empty."""
    first, left = _start(node)
    last = node.end_lineno or first
    tail = lines[last - 1][node.end_col_offset :]
    lines[first - 1] = lines[first - 1][:left] + text.encode() + tail
    for i in range(first, last):
        lines[i] = b""
