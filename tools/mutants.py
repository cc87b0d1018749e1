# SPDX-License-Identifier: Apache-2.0
"""Mutants of one Python source: every small change that a good test must notice.

Comparisons are shifted and turned round, conditions negated, arithmetic swapped, integers moved by one, `and` and `or`
swapped, `min` and `max` swapped, statements and returned values removed. Annotations, docstrings and imports are left
alone. A mutant is known by module, scope and the text of its change, so line numbers may move.
"""

import ast
import copy
from typing import Any, NamedTuple, cast

_SHIFTED: dict[type, type] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
_TURNED: dict[type, type] = {
    **{ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},  # codespell:ignore notin
}
_SWAPPED: dict[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv},
    **{ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
    **{ast.BitXor: ast.BitAnd},
}
_OTHER = {"min": "max", "max": "min"}


class Mutant(NamedTuple):
    """One change. `number` counts the mutants of its source, `twin` those of the same scope and text before it."""

    number: int
    line: int
    scope: str
    """Qualified name of the function; a module's constant by its name alone."""
    change: str
    twin: int


class _Mutator(ast.NodeTransformer):
    """Counts the places of change and makes the one that is wanted."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.found: list[Mutant] = []
        self._scope: list[str] = []
        self._seen: dict[tuple[str, str], int] = {}

    def _offer(self, old: ast.AST, new: Any, text: str = "") -> bool:
        """Note that `old` may become `new`; True when this is the change to make."""
        scope = ".".join(self._scope)
        change = f"{ast.unparse(old).splitlines()[0]} -> {text or ast.unparse(new)}"
        twin = self._seen.get((scope, change), 0)
        self._seen[scope, change] = twin + 1
        self.found.append(Mutant(len(self.found), getattr(old, "lineno", 0), scope, change, twin))
        return self.found[-1].number == self.wanted

    # Scopes -------------------------------------------------------------------------------------------------
    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._scope.append(node.name)
        node.body = [self.visit(each) if isinstance(each, ast.FunctionDef) else each for each in node.body]
        self._scope.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self._scope.append(node.name)
        node.body = self._block(node.body)
        self._scope.pop()
        return node

    def visit_Module(self, node: ast.Module) -> ast.AST:
        for i, each in enumerate(node.body):
            if isinstance(each, ast.ClassDef | ast.FunctionDef):
                node.body[i] = self.visit(each)
            elif isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
                self._scope.append(each.targets[0].id)
                each.value = self.visit(each.value)
                self._scope.pop()
        return node

    # Statements ---------------------------------------------------------------------------------------------
    def _block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        return [self._statement(each) for each in body]

    def _statement(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return node
        removable = isinstance(node, ast.Assign | ast.AugAssign | ast.Expr) or (
            isinstance(node, ast.Return) and node.value is not None
        )
        if removable and self._offer(node, None, "(removed)"):
            return ast.copy_location(ast.Pass(), node)
        changed = self.visit(node)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(changed, field, None)
            if isinstance(block, list):
                setattr(changed, field, self._block(cast("list[ast.stmt]", block)))
        return changed

    def _condition(self, node: Any) -> Any:
        """Negate the condition of an `if`, `while` or conditional expression, unless a comparison is turned anyway."""
        if not isinstance(node.test, ast.Compare):
            negated = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
            if self._offer(node.test, negated):
                node.test = negated
                return node
        node.test = self.visit(node.test)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        return self._condition(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._condition(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self.visit(node.iter)
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        new = copy.deepcopy(node)
        if type(node.op) in _SWAPPED:
            new.op = _SWAPPED[type(node.op)]()
            if self._offer(node, new):
                return new
        node.value = self.visit(node.value)
        return node

    # Expressions --------------------------------------------------------------------------------------------
    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        node = self._condition(node)
        node.body = self.visit(node.body)
        node.orelse = self.visit(node.orelse)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        for i, op in enumerate(node.ops):
            for table in (_SHIFTED, _TURNED):
                if type(op) in table:
                    new = copy.deepcopy(node)
                    new.ops[i] = table[type(op)]()
                    if self._offer(node, new):
                        return new
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        if type(node.op) in _SWAPPED:
            new = copy.deepcopy(node)
            new.op = _SWAPPED[type(node.op)]()
            if self._offer(node, new):
                return new
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        new = copy.deepcopy(node)
        new.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        if self._offer(node, new):
            return new
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if self._offer(node, node.operand):
            return node.operand
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in _OTHER:
            new = copy.deepcopy(node)
            new.func = ast.copy_location(ast.Name(_OTHER[node.func.id], ast.Load()), node.func)
            if self._offer(node, new):
                return new
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            new = ast.copy_location(ast.Constant(not node.value), node)
            if self._offer(node, new):
                return new
        elif isinstance(node.value, int):
            # First values are mostly overwritten by the first step: one change of each is enough.
            for step in (1,) if self._scope[-1:] == ["__init__"] else (1, -1):
                new = ast.copy_location(ast.Constant(node.value + step), node)
                if self._offer(node, new):
                    return new
        return node


def all_of(source: str) -> list[Mutant]:
    """Every mutant of a source."""
    mutator = _Mutator(-1)
    mutator.visit(ast.parse(source))
    return mutator.found


def mutated(source: str, number: int) -> ast.Module:
    """The source's tree with change `number` made."""
    tree = _Mutator(number).visit(ast.parse(source))
    return ast.fix_missing_locations(tree)
