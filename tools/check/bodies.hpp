// Walks through functions: what each calls, and where it keeps functions for later.
//
// It begins with the functions of the program's own files, and follows what they use: into templates' instantiations,
// lambdas, and the inline functions of the system's headers.

#pragma once

#include <clang/AST/Stmt.h>

#include <set>
#include <unordered_set>
#include <vector>

#include "declarations.hpp"
#include "expressions.hpp"

namespace weft::check {

class bodies {
public:
    bodies(declarations& declared, summary& out) : declared_(declared), out_(out) {}

    /// All that is declared there and stands in the program's own files.
    void add(clang::DeclContext const* context);
    /// Walks through what was added, and what comes up meanwhile.
    void walk_all();

private:
    void add_declaration(clang::Decl const* d);
    void add_class(clang::CXXRecordDecl const* type);
    void add_function(clang::FunctionDecl const* f);
    void add_virtuals(clang::CXXRecordDecl const* type);

    void walk_function(clang::FunctionDecl const* f);
    void walk_initializer(clang::ValueDecl const* v, clang::Expr const* value);
    void walk(clang::Stmt const* s, situation at);
    void walk_children(clang::Stmt const* s, situation at);
    void walk_block(clang::CompoundStmt const* block, situation at);
    void walk_if(clang::IfStmt const* s, situation at);
    void walk_choice(clang::AbstractConditionalOperator const* e, situation at);
    void walk_binary(clang::BinaryOperator const* e, situation at);
    void walk_call(clang::CallExpr const* c, situation at);
    void walk_call_by_address(clang::CallExpr const* c, clang::SourceLocation where, situation at);
    void walk_construction(clang::CXXConstructExpr const* c, situation at);
    void walk_lambda(clang::LambdaExpr const* l, situation at);
    void walk_declarations(clang::DeclStmt const* s, situation at);
    void walk_initializers(clang::InitListExpr const* list, situation at);
    /// What is returned is not destroyed here.
    void walk_result(clang::Expr const* e, situation at);
    /// A default argument, or a member's initializer: it stands elsewhere, and counts where it is used.
    void walk_used(clang::Expr const* e, clang::SourceLocation where, situation at);

    void calls(clang::FunctionDecl const* f, clang::SourceLocation where, situation at);
    void calls(callable const& pointer, clang::SourceLocation where, situation at);
    void destroys(clang::QualType type, clang::SourceLocation where, situation at);
    void hands_arguments(clang::FunctionDecl const* f, llvm::ArrayRef<clang::Expr const*> arguments, situation at);
    void keeps(clang::ValueDecl const* target, clang::Expr const* value, situation at);
    void keeps(flow to, clang::Expr const* value);
    void keeps_as_result(clang::Expr const* value, situation at);
    [[nodiscard]] std::string key_of(clang::ValueDecl const* what);
    [[nodiscard]] bool follows_from_arguments(clang::SourceLocation call) const;

    declarations& declared_;
    summary& out_;
    std::vector<clang::FunctionDecl const*> to_do_;
    std::unordered_set<clang::FunctionDecl const*> seen_;
    /// For each pattern of a template, where it calls what does not depend on the arguments.
    std::unordered_map<clang::FunctionDecl const*, std::set<unsigned>> independent_calls_;
    clang::FunctionDecl const* current_ = nullptr;
    clang::FunctionDecl const* pattern_ = nullptr;  ///< Of the current one.
    function* to_ = nullptr;
    clang::SourceLocation used_at_;
};

}  // namespace weft::check
