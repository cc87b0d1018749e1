# SPDX-License-Identifier: Apache-2.0
"""Give short names to what nobody else sees: the device keeps every name in memory, once, however often it is used.

Private names (one leading underscore) of a module, and parameters, become `_0`, `_1` and so on. All modules use the
same ones. Public names stay, so the modules fit together as before. `tools/explain_names.py` finds the way back.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Mapping

_PRIVATE = re.compile(r"_(?!_)\w+")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def shorten(sources: Mapping[str, str]) -> dict[str, str]:
    """Rename within a set of modules, given and returned as {dotted name: source}.

    Raises ValueError where that would change what the program does.
    """
    tables = names(sources)
    return {name: _rename(source, tables[name]) for name, source in sources.items()}


def names(sources: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The new name of each name that is replaced, by module. Modules whose classes inherit share a table."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    parameters = _mere_parameters(trees.values())
    tables: dict[str, dict[str, str]] = {}
    for family in _families(trees):
        # Parameters first: the same few short names are parameters everywhere, and the others may be anything.
        replaced = _replaced({name: trees[name] for name in family}, parameters)
        found = sorted(replaced, key=lambda name: (name not in parameters, name))
        table = {old: short_name(i) for i, old in enumerate(found)}
        tables.update(dict.fromkeys(family, table))
    return tables


def short_name(i: int) -> str:
    """The short name of number `i`."""
    high, low = divmod(i, len(_DIGITS))
    return "_" + (_DIGITS[high - 1] if high else "") + _DIGITS[low]


def _all_names(tree: ast.AST) -> Iterable[tuple[str, ast.AST]]:
    """Every identifier in a tree, with the node that it stands in."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield from ((part, node) for part in value.split("."))


def _mere_parameters(trees: Iterable[ast.AST]) -> set[str]:
    """Names of parameters and of nothing else but local variables, in any module."""
    parameters: set[str] = set()
    others: set[str] = set()
    for tree in trees:
        for name, node in _all_names(tree):
            if isinstance(node, ast.arg):
                parameters.add(name)
            elif not isinstance(node, ast.Name):
                others.add(name)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef)):
                for statement in node.body:
                    if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                        others.update(each.id for each in ast.walk(statement) if isinstance(each, ast.Name))
            elif isinstance(node, (ast.Global, ast.Nonlocal)):
                others.update(node.names)
            elif isinstance(node, ast.ImportFrom):
                others.update((node.module or "").split("."))
    return {name for name in parameters - others if name != "self"}


def _replaced(family: Mapping[str, ast.AST], parameters: set[str]) -> set[str]:
    """The names in modules that get another. Raises ValueError when one is private to a module outside of them."""
    found: set[str] = set()
    defined: set[str] = set()
    for tree in family.values():
        for name, node in _all_names(tree):
            if name in parameters:
                defined.add(name)
            elif not _PRIVATE.fullmatch(name):
                continue
            elif not isinstance(node, ast.alias) and not isinstance(getattr(node, "ctx", None), ast.Load):
                defined.add(name)
            found.add(name)
    if found - defined:
        raise ValueError(f"{', '.join(family)}: {', '.join(sorted(found - defined))}: private to another module")
    return found


def _families(trees: Mapping[str, ast.AST]) -> Iterable[list[str]]:
    """Modules in groups; a class and the one that it inherits from are in the same."""
    group = {name: [name] for name in trees}
    for name, tree in trees.items():
        origin = {
            alias.asname or alias.name: node.module or ""
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                root = base.value if isinstance(base, ast.Attribute) else base
                if isinstance(root, ast.Name) and root.id in origin:
                    above = origin[root.id]
                    above = f"{above}.{root.id}" if f"{above}.{root.id}" in trees else above
                    if above in trees and group[above] is not group[name]:
                        joined = group[above] + group[name]
                        group.update(dict.fromkeys(joined, joined))
    return {id(family): family for family in group.values()}.values()


def _rename(source: str, table: Mapping[str, str]) -> str:
    """The source with its names replaced; text in quotes stays."""
    lines = source.splitlines(keepends=True)
    for token in reversed(list(tokenize.generate_tokens(io.StringIO(source).readline))):
        if token.type == tokenize.NAME and token.string in table:
            row, start = token.start
            line = lines[row - 1]
            lines[row - 1] = line[:start] + table[token.string] + line[token.end[1] :]
    return "".join(lines)
