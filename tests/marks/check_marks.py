#!/usr/bin/env python3
"""Which public functions may suspend, as clang's AST says it: their marks (weft/marks.hpp) are annotations there.

    check_marks.py CLANG INCLUDE_FOLDER BACKEND [--accept]

Compares the marks with public.txt, where each public function stands: who adds one says there whether it may suspend, and
--accept writes what is in the headers. A mark must be what the contract ("Suspends: ...") says, and what the function's twin
that is told the call site (..._at) bears. That an unmarked function calls none that may suspend is weft-check's to find.
"""

import difflib
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

LIST = Path(__file__).with_name("public.txt")
HIDDEN = {"detail", "context"}  # namespaces
C_NAMES = re.compile(r"(weft_|qemu_|aio_|co_|shres_|iothread_|yield_until_)\w+$")
FUNCTIONS = {"FunctionDecl", "CXXMethodDecl", "CXXConstructorDecl", "CXXDestructorDecl", "CXXConversionDecl"}
RECORDS = {"CXXRecordDecl", "ClassTemplatePartialSpecializationDecl"}
# What a contract says, by its beginning, and which marks fit.
CONTRACTS = [("no", {"-", "no_coroutine_fn"}), ("yes", {"coroutine_fn"}), ("inside a coroutine", {"mixed_fn"})]
NODE = re.compile(r"^([| `-]*)(\w+) 0x[0-9a-f]+ (.*)$")


class Node:
    """A line of the dump, and those below it."""

    def __init__(self, kind, text):
        self.kind, self.text, self.children = kind, text, []

    def name(self):
        """What stands between the place and the type."""
        rest = re.sub(r"^((parent|prev) 0x[0-9a-f]+ )*<.*?> (?=(line|col|\S+\.\w+):\d|<invalid|\w|~)", "", self.text)
        rest = re.sub(r"^(\S*:\d+(:\d+)?|<invalid sloc>|<scratch space>:\d+:\d+) ", "", rest)
        return re.sub(r"^((implicit|used|referenced|constexpr) )*", "", rest).split(" '")[0].strip()

    def of_kind(self, kind):
        return [child for child in self.children if child.kind == kind]

    def mark(self):
        found = {re.search(r'"weft::(\w+)"', attribute.text)[1] for attribute in self.of_kind("AnnotateAttr")
                 if '"weft::' in attribute.text} - {"in_coroutine"}
        return "|".join(sorted(found)) or "-"

    def words(self):
        if self.kind == "TextComment":
            return re.sub(r'^.*?Text="(.*)"$', r"\1", self.text)
        return " ".join(child.words() for child in self.children)

    def contract(self):
        said = re.search(r"Suspends: +([^.;,]*)", " ".join(c.words() for c in self.of_kind("FullComment")))
        return said and re.sub(r" +", " ", said[1])


def tree(lines):
    root = Node("root", "")
    path = [(-1, root)]
    for line in lines:
        if match := NODE.match(line):
            depth = len(match[1])
            while path[-1][0] >= depth:
                path.pop()
            node = Node(match[2], match[3])
            path[-1][1].children.append(node)
            path.append((depth, node))
    return root


def public_functions(node, inside=()):
    """(qualified name, node) of each below `node`."""
    public = node.kind not in RECORDS or not re.search(r"\bclass\b", node.text)
    for child in node.children:
        if child.kind == "AccessSpecDecl":
            public = child.text.endswith(" public")
        elif not public:
            continue
        elif child.kind in FUNCTIONS:
            if not re.search(r"\b(implicit|delete)\b|default_delete", re.sub(r"'[^']*'", "", child.text)):
                yield "::".join((*inside, child.name())), child
        elif child.kind == "FunctionTemplateDecl":  # the template comes before its instances
            yield from ((name, f) for name, f in list(public_functions(child, inside))[:1])
        elif child.kind == "ClassTemplateDecl":
            for record in child.of_kind("CXXRecordDecl")[:1]:
                yield from public_functions(record, (*inside, record_name(record)))
        elif child.kind in ("LinkageSpecDecl", "TranslationUnitDecl"):
            yield from public_functions(child, inside)
        elif child.kind == "NamespaceDecl":
            name = child.name()
            if name not in HIDDEN and not name.endswith(" inline"):
                yield from public_functions(child, (*inside, name))
            elif name.endswith(" inline"):
                yield from public_functions(child, inside)
        elif child.kind in RECORDS and child.text.endswith(" definition"):
            yield from public_functions(child, (*inside, record_name(child)))


def record_name(record):
    return re.search(r"\b(?:class|struct|union) (\w*)", record.text)[1]


def dump(clang, source, suffix, *options):
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as file:
        file.write(source)
        file.flush()
        result = subprocess.run([clang, "-fsyntax-only", *options, "-fno-color-diagnostics", "-Xclang", "-ast-dump", file.name],
                                capture_output=True, text=True, errors="replace")
    assert result.returncode == 0, result.stderr
    return tree(result.stdout.splitlines())


def in_cpp(clang, include, backend):
    headers = sorted(path.relative_to(include) for path in (include / "weft").glob("*.hpp"))
    source = "".join(f"#include <{header}>\n" for header in headers)
    root = dump(clang, source, ".cpp", "-std=c++20", f"-I{include}", f"-DWEFT_BACKEND_{backend.upper()}=1",
                "-Xclang", "-ast-dump-filter=weft")
    return [(name, f) for name, f in public_functions(root) if name.startswith("weft::")]


def in_c(clang, include):
    folders = [f"-I{include}", f"-I{include}/weft/compat"]
    compat = include / "weft" / "compat"
    headers = ["weft/weft.h", *sorted(str(path.relative_to(compat)) for path in compat.glob("*/*.h")), "weft/compat/co-wrapper.h"]
    source = "#define WEFT_C_PLAIN_FUNCTIONS\n" + "".join(f"#include <{header}>\n" for header in headers)
    return [(name, f) for name, f in public_functions(dump(clang, source, ".c", "-x", "c", "-std=c99", *folders)) if C_NAMES.match(name)]


def main():
    clang, include, backend = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    marks = defaultdict(set)
    wrong = []
    for name, function in in_cpp(clang, include, backend) + in_c(clang, include):
        mark = function.mark()
        marks[name].add(mark)
        for beginning, fitting in CONTRACTS:
            if (function.contract() or "").startswith(beginning) and mark not in fitting:
                wrong.append(f"{name}: its mark is {mark}, and its contract says \"Suspends: {function.contract()}\"")
    for name, found in marks.items():
        if found != marks.get(name.removesuffix("_at"), found):
            wrong.append(f"{name}: its mark is {found}, and that of its twin {marks[name.removesuffix('_at')]}")
    lines = [f"{' '.join(sorted(found))} {name}\n" for name, found in sorted(marks.items())]
    if "--accept" in sys.argv:
        LIST.write_text("".join(lines))
    before = LIST.read_text().splitlines(keepends=True)
    changes = [line for line in difflib.unified_diff(before, lines, "public.txt", "the headers", n=0) if line[0] in "+-"]
    counts = {mark: sum(mark in found for found in marks.values()) for mark in ("coroutine_fn", "mixed_fn", "no_coroutine_fn", "-")}
    print(f"{len(marks)} public functions:", ", ".join(f"{count} {mark}" for mark, count in counts.items()))
    print("".join(changes) + "\n".join(wrong))
    assert not changes, "marks differ from tests/marks/public.txt; if the headers are right: tests/marks/check_marks.py ... --accept"
    assert not wrong, "marks and contracts differ"


if __name__ == "__main__":
    main()
