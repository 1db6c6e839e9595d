// What an expression says to weft-check: which function it is the address of, and whether it asks for a coroutine.

#pragma once

#include <clang/AST/Expr.h>
#include <clang/AST/Stmt.h>

#include <optional>
#include <vector>

#include "declarations.hpp"

namespace weft::check {

/// Something that can be called later: a function, a variable that holds one, or what only its type tells of.
struct callable {
    clang::ValueDecl const* what = nullptr;
    mark of_type = mark::none;
};

/// What the expression's value may be; empty if it is nothing that can be called.
[[nodiscard]] std::vector<callable> callables_of(clang::Expr const* e);

/// The variable, field or parameter that an expression names, through subscripts and pointers.
[[nodiscard]] clang::ValueDecl const* variable_of(clang::Expr const* e);

/// Whether variables of this type hold what can be called later: pointers to functions, arrays of them, std::function.
[[nodiscard]] bool holds_function(clang::QualType type);

/// What holds where a condition is true, and where it is false.
struct answer {
    situation when_true = situation::open;
    situation when_false = situation::open;
};
[[nodiscard]] answer asks(clang::Expr const* condition);

/// Whether control never gets behind it: return, throw, break, a call of a [[noreturn]] function.
[[nodiscard]] bool never_completes(clang::Stmt const* s);

/// What is known behind a statement, if control gets there: `if (!in_coroutine()) { return; }`, `assert(in_coroutine())`.
[[nodiscard]] situation behind(clang::Stmt const* s, situation before);

}  // namespace weft::check
