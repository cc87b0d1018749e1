# SPDX-License-Identifier: Apache-2.0
"""Link modules that are always loaded together into one: each module costs the device half a kilobyte of its own.

`link(sources, roots)` takes the modules in, as {dotted name: source}. A root swallows every module that it imports,
directly or through others, when it is itself imported; not what a function imports later, and no package. Whoever
else imports from a swallowed module is told to import from the root; whoever needs several has them loaded one by one,
with the garbage collected in between. Names at the top of a swallowed module get short ones, those of the root stay.
Annotations and docstrings go. The lines do not stay where they were.
"""

import ast
import builtins
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from podsteam.flash.shorten import short_name

Function = ast.FunctionDef | ast.Lambda
_SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def link(sources: Mapping[str, str], roots: Iterable[str], folder: str) -> dict[str, str]:
    """The linked modules. `folder`: the package that is linked, such as "podsteam_firmware"."""
    trees, owners = _islands(sources, roots, folder)
    islands = _by_root(owners)
    tops = _tops(trees, islands)
    linked: dict[str, str] = {}
    for name, source in sources.items():
        if name not in owners:
            module = _Module(trees, owners, tops, name, {})
            tree = module.rewritten()
            linked[name] = ast.unparse(tree) if module.touched else source
            if module.touched:
                linked[name] = _one_by_one(_needed(trees, owners, islands, name)) + linked[name]
        elif owners[name] == name:
            linked[name] = _joined(trees, owners, tops, name, islands[name])
    empty = [name for name in linked if _is_package(sources, name) and not _is_package(linked, name)]
    return {name: source for name, source in linked.items() if name not in empty}


def linked_names(sources: Mapping[str, str], roots: Iterable[str], folder: str) -> dict[tuple[str, str], str]:
    """The name in the linked module of each definition at the top of a module, by module and name there."""
    trees, owners = _islands(sources, roots, folder)
    return _tops(trees, _by_root(owners))


def _islands(
    sources: Mapping[str, str], roots: Iterable[str], folder: str
) -> tuple[dict[str, ast.Module], dict[str, str]]:
    """The parsed modules, and the root of each that has one, those that are imported first before the others."""
    trees = {name: ast.parse(source) for name, source in sources.items()}
    for tree in trees.values():
        tree.body = [each for node in tree.body for each in _without_false(node)]
    for tree in trees.values():
        _Origins(trees).visit(tree)
    owners: dict[str, str] = {}
    for root in roots:
        if root in trees:
            for name in _reached(trees, root, folder):
                owners.setdefault(name, root)
    return trees, owners


def _by_root(owners: Mapping[str, str]) -> dict[str, list[str]]:
    return {root: [name for name in owners if owners[name] == root] for root in dict.fromkeys(owners.values())}


def _needed(
    trees: Mapping[str, ast.Module], owners: Mapping[str, str], islands: Mapping[str, list[str]], name: str
) -> list[str]:
    """The islands that a module needs before it can be imported, each after those that it needs itself."""
    found: dict[str, None] = {}

    def follow(members: Iterable[str], home: str) -> None:
        for member in members:
            for node in trees[member].body:
                if isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        inner = f"{node.module}.{alias.name}"
                        root = owners.get(inner) or owners.get(node.module or "")
                        if root and root != home and root not in found:
                            follow(islands[root], root)
                            found[root] = None

    follow([name], "")
    return list(found)


def _one_by_one(roots: Sequence[str]) -> str:
    """Lines that import islands one after the other. What is left over from loading one is room for the next."""
    if len(roots) < 2:
        return ""
    collect = "if gc.isenabled():\n    gc.collect()\n"
    return "import gc\n" + "".join(f'__import__("{root}")\n{collect}' for root in roots)


def _without_false(node: ast.stmt) -> list[ast.stmt]:
    """A statement at the top; of `if False` what stands under its `else`."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant) and node.test.value is False:
        return node.orelse
    return [node]


class _Origins(ast.NodeTransformer):
    """Lets each name be imported from where it is defined, not from a module that imported it itself."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self._trees = trees

    def _origin(self, module: str, name: str) -> tuple[str, str]:
        for node in self._trees[module].body if module in self._trees else ():
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return self._origin(node.module or "", alias.name)
        return module, name

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.ImportFrom]:
        return [
            _import(*self._origin(node.module or "", alias.name), alias.asname or alias.name) for alias in node.names
        ]


def _reached(trees: Mapping[str, ast.Module], root: str, folder: str) -> list[str]:
    """The modules of `folder` that importing `root` imports, each after those that it imports; `root` is the last."""
    found: dict[str, None] = {}

    def follow(name: str) -> None:
        for node in trees[name].body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    module = inner if inner in trees else node.module or ""
                    if module in trees and module.startswith(folder + ".") and not _is_package(trees, module):
                        if module not in found:
                            follow(module)
        found[name] = None

    follow(root)
    return list(found)


def _is_package(trees: Collection[str], name: str) -> bool:
    return any(other.startswith(name + ".") for other in trees)


def _stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """The names that statements bind in their own scope."""
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        if not isinstance(node, _SCOPES):
            yield from _stored(ast.iter_child_nodes(node))


def _local(function: Function) -> set[str]:
    """Parameters and variables of a function."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    found = {each.arg for each in every if each is not None}
    if isinstance(function, ast.FunctionDef):
        found.update(_stored(function.body))
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                found.difference_update(node.names)
    return found


def _tops(trees: Mapping[str, ast.Module], islands: Mapping[str, list[str]]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for root, members in islands.items():
        found.update(_name_tops(trees, root, members))
    return found


def _name_tops(trees: Mapping[str, ast.Module], root: str, members: list[str]) -> dict[tuple[str, str], str]:
    """A name of its own for each definition at the top of an island's modules, by module and name there."""
    taken: set[str] = set(dir(builtins))
    for member in members:
        for node in ast.walk(trees[member]):
            if isinstance(node, ast.FunctionDef | ast.Lambda):
                taken.update(_local(node))
            elif isinstance(node, _COMPREHENSIONS):
                taken.update(_stored(node.generators))
            elif isinstance(node, ast.ImportFrom | ast.Import):
                taken.update(_stored([node]))
    tops = {(root, name): name for name in _defined(trees[root])}
    taken.update(tops.values())
    fresh = (name for name in map(short_name, itertools.count()) if name not in taken)
    for member in members:
        if member != root:
            tops.update({(member, name): next(fresh) for name in _defined(trees[member])})
    return tops


def _defined(tree: ast.Module) -> list[str]:
    """What is defined at the top of a module; what is imported there is not."""
    body = [node for node in tree.body if not isinstance(node, ast.ImportFrom | ast.Import)]
    return list(dict.fromkeys(_stored(body)))


def _joined(
    trees: Mapping[str, ast.Module],
    owners: Mapping[str, str],
    tops: Mapping[tuple[str, str], str],
    root: str,
    members: Iterable[str],
) -> str:
    """One source of all modules of an island."""
    outside: dict[str, str] = {}
    parts = [_Module(trees, owners, tops, member, outside).rewritten() for member in members]
    return "\n".join(ast.unparse(part) for part in parts)


class _Module(ast.NodeTransformer):
    """Rewrites one module: of an island, or one that imports from an island."""

    def __init__(
        self,
        trees: Mapping[str, ast.Module],
        owners: Mapping[str, str],
        tops: Mapping[tuple[str, str], str],
        name: str,
        outside: dict[str, str],
    ) -> None:
        self._tree = trees[name]
        self._trees = trees
        self._owners = owners
        self._tops = tops
        self._name = name
        self._home = owners.get(name, "")
        self._outside = outside
        """What the island's modules imported from elsewhere so far: what that is, by name."""
        self._aliases: dict[str, str] = {}
        """Modules of islands, by their name here."""
        self._renamed = {top: new for (module, top), new in tops.items() if module == name and self._home}
        self._scopes: list[tuple[bool, set[str]]] = []
        """The enclosing functions and classes: whether it is a class, and its own names."""
        self.touched = False

    def rewritten(self) -> ast.Module:
        """The module's tree; `touched` tells whether it differs."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.ImportFrom):
                self._learn(node)
        if not self._home and not self.touched:
            return self._tree
        return ast.fix_missing_locations(self.visit(self._tree))

    def _learn(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        for alias in node.names:
            name = alias.asname or alias.name
            if f"{module}.{alias.name}" in self._owners:
                self._aliases[name] = f"{module}.{alias.name}"
                self.touched = True
            elif module in self._owners:
                self.touched = True
                if self._owners[module] == self._home:
                    self._renamed[name] = self._tops[module, alias.name]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.AST]:
        kept: list[ast.AST] = []
        for alias in node.names:
            name = alias.asname or alias.name
            module = node.module or ""
            if f"{module}.{alias.name}" in self._owners:
                kept.extend(self._members_used(name))
            elif module in self._owners:
                if self._owners[module] != self._home:
                    kept.append(_import(self._owners[module], self._tops[module, alias.name], name))
            elif self._is_new(f"{module}.{alias.name}", name):
                kept.append(_import(module, alias.name, name))
        return kept or ast.Pass()

    def visit_Import(self, node: ast.Import) -> ast.AST:
        node.names = [alias for alias in node.names if self._is_new(alias.name, alias.asname or alias.name)]
        return node if node.names else ast.Pass()

    def _is_new(self, what: str, name: str) -> bool:
        """Whether an import from outside the islands is to be made: a module beside this one may have made it."""
        if not self._home or self._scopes:
            return True
        if self._outside.get(name, what) != what or (self._home, name) in self._tops:
            raise ValueError(f"{self._name}: {name} is something else in a module that is linked with it")
        known = name in self._outside
        self._outside[name] = what
        return not known

    def _members_used(self, alias: str) -> Iterator[ast.AST]:
        """Imports of what is used of another island's module, which was imported as a module."""
        module = self._aliases[alias]
        if self._owners[module] == self._home:
            return
        used = {
            node.attr
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == alias
        }
        for name in sorted(used):
            yield _import(self._owners[module], self._tops[module, name], f"{alias}_{name}")

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self._aliases and not self._is_local(node.value.id):
            module = self._aliases[node.value.id]
            if self._owners[module] == self._home:
                return ast.Name(self._tops[module, node.attr], node.ctx)
            return ast.Name(f"{node.value.id}_{node.attr}", node.ctx)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._renamed and not self._is_local(node.id):
            return ast.Name(self._renamed[node.id], node.ctx)
        if node.id in self._aliases and not self._is_local(node.id):
            raise ValueError(f"{self._name}: the module {node.id} is handed on as a value")
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        return ast.Global([self._renamed.get(name, name) for name in node.names])

    def _is_local(self, name: str) -> bool:
        innermost = len(self._scopes) - 1
        return any(name in names for i, (is_class, names) in enumerate(self._scopes) if not is_class or i == innermost)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        if not self._scopes:
            node.name = self._renamed.get(node.name, node.name)
        node.returns = None
        node.body = _without_docstring(node.body)
        self._function(node)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._function(node)
        return node

    def _function(self, node: Function) -> None:
        node.args.defaults = [self.visit(each) for each in node.args.defaults]
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        self._scopes.append((False, _local(node)))
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = self._statements(node.body)
        self._scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.bases = [self.visit(each) for each in node.bases]
        if not self._scopes:
            node.name = self._renamed.get(node.name, node.name)
        self._scopes.append((True, set(_stored(node.body))))
        node.body = self._statements(_without_docstring(node.body))
        self._scopes.pop()
        return node

    def _statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            new: ast.stmt | list[ast.stmt] = self.visit(statement)
            done.extend(new if isinstance(new, list) else [new])
        return done

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return ast.Assign([self.visit(node.target)], self.visit(node.value))


def _import(module: str, name: str, here: str) -> ast.ImportFrom:
    return ast.ImportFrom(module, [ast.alias(name, None if here == name else here)], 0)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements without those that are mere text."""
    kept = [each for each in body if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))]
    return kept or [ast.Pass()]
