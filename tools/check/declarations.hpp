// What a declaration is to weft-check: its key, its name, where it stands, which mark it bears and where one could be written.

#pragma once

#include <clang/AST/ASTContext.h>
#include <clang/AST/Decl.h>
#include <clang/AST/DeclCXX.h>
#include <clang/AST/DeclTemplate.h>
#include <clang/Lex/Preprocessor.h>

#include <unordered_map>

#include "model.hpp"

namespace weft::check {

class declarations {
public:
    declarations(clang::ASTContext& context, clang::Preprocessor& preprocessor, std::string main_file)
        : context_(context),
          sources_(context.getSourceManager()),
          preprocessor_(preprocessor),
          main_file_(std::move(main_file)) {}

    /// The same in each file that is compiled; for what only one of them sees, with that one's name.
    [[nodiscard]] std::string key(clang::Decl const* d);
    /// As messages call it.
    [[nodiscard]] std::string name(clang::NamedDecl const* d) const;

    /// Where the user reads it: where a macro is used, not where it is written.
    [[nodiscard]] position place(clang::SourceLocation at) const;
    [[nodiscard]] bool system(clang::SourceLocation at) const;

    /// All but the body of a function.
    [[nodiscard]] function describe(clang::FunctionDecl const* f);
    /// A variable, field or parameter.
    [[nodiscard]] declared describe(clang::ValueDecl const* v);

    /// What the names of types say on the way to the type itself: of typedefs, pointers, arrays.
    [[nodiscard]] static mark of_type(clang::QualType type);
    /// Of a variable and its type.
    [[nodiscard]] mark of(clang::ValueDecl const* v);

    /// Whether it answers 'does a coroutine run?' by being true, or not null.
    [[nodiscard]] static bool asks_for_coroutine(clang::NamedDecl const* d);

private:
    /// Each declaration of it, and of the template that it was made from.
    [[nodiscard]] static std::vector<clang::ValueDecl const*> all_of(clang::ValueDecl const* v);
    /// What tells apart the instances of a template that USRs (clang's names for declarations) do not: by the lambdas and
    /// local classes among the arguments, of the declaration and of what is around it.
    [[nodiscard]] std::string const& local_arguments(clang::Decl const* d);
    void add_local_types(std::string& to, llvm::ArrayRef<clang::TemplateArgument> arguments);
    void add_local_types(std::string& to, clang::QualType type);
    void add_marks(declared& to, clang::Decl const* d) const;
    void add_spot(declared& to, clang::DeclaratorDecl const* d) const;

    clang::ASTContext& context_;
    clang::SourceManager& sources_;
    clang::Preprocessor& preprocessor_;
    std::string const main_file_;
    std::unordered_map<clang::Decl const*, std::string> keys_;
    std::unordered_map<clang::Decl const*, std::string> local_arguments_;
};

/// What a function was made from, if it is a template's or a member of one.
[[nodiscard]] clang::FunctionDecl const* pattern_of(clang::FunctionDecl const* f);

/// The function of a lambda's body, if the type is a lambda's.
[[nodiscard]] clang::CXXMethodDecl const* body_of_lambda(clang::QualType type);

/// A type that holds any callable (std::function): it is to its users what a pointer is.
[[nodiscard]] bool holds_callable(clang::CXXRecordDecl const* type);

/// A member of such a type.
[[nodiscard]] bool member_of_holder(clang::FunctionDecl const* f);

/// Puts what it is given where it is called from another stack: std::thread, std::async.
[[nodiscard]] bool puts_away(clang::FunctionDecl const* f);

}  // namespace weft::check
