// The second half of bodies.hpp: calls, and functions that are kept for later.

#include <clang/AST/ExprCXX.h>

#include <array>

#include "bodies.hpp"

namespace weft::check {
namespace {

/// Leaves the stack that it runs on.
bool leaves_the_stack(clang::FunctionDecl const* f) {
    static constexpr std::array names{"swapcontext", "setcontext",    "longjmp",      "_longjmp",
                                      "siglongjmp",  "__longjmp_chk", "SwitchToFiber"};
    return f->getIdentifier() != nullptr && (std::find(names.begin(), names.end(), f->getName()) != names.end() ||
                                             f->getQualifiedNameAsString() == "weft::context::switch_to");
}

clang::ParmVarDecl const* parameter(clang::FunctionDecl const* f, unsigned index) {
    return f->getParamDecl(std::min(index, f->getNumParams() - 1));
}

/// Whether a parameter's type is one of the template's.
bool any_type(clang::FunctionDecl const* f, unsigned index) {
    clang::FunctionDecl const* pattern = pattern_of(f);
    clang::FunctionDecl const* written = pattern != nullptr ? pattern : f;
    return written->getNumParams() != 0 && parameter(written, index)->getType()->isDependentType();
}

/// In a template's pattern, what `this->f()` calls, if there is but one f.
clang::FunctionDecl const* member_of_pattern(clang::Expr const* callee) {
    auto const* member = llvm::dyn_cast<clang::CXXDependentScopeMemberExpr>(callee);
    if (member == nullptr) {
        return nullptr;
    }
    clang::QualType type = member->getBaseType();
    if (member->isArrow()) {
        type = type->getPointeeType();
    }
    clang::CXXRecordDecl const* record = type.isNull() ? nullptr : type->getAsCXXRecordDecl();
    if (record == nullptr || !record->hasDefinition()) {
        return nullptr;
    }
    auto found = record->lookup(member->getMember());
    return found.isSingleResult() ? found.front()->getAsFunction() : nullptr;
}

}  // namespace

// ---- calls -----------------------------------------------------------------------------------------------------------

void bodies::walk_call(clang::CallExpr const* c, situation at) {
    clang::FunctionDecl const* f = c->getDirectCallee();
    clang::SourceLocation where = c->getExprLoc();
    if (auto const* member = llvm::dyn_cast<clang::MemberExpr>(c->getCallee()->IgnoreParenImpCasts())) {
        where = member->getMemberLoc().isValid() ? member->getMemberLoc() : c->getBeginLoc();
    }
    if (f == nullptr) {
        f = member_of_pattern(c->getCallee());
    }
    llvm::ArrayRef<clang::Expr const*> arguments(c->getArgs(), c->getNumArgs());
    bool on_object = llvm::isa<clang::CXXOperatorCallExpr>(c) && llvm::isa_and_nonnull<clang::CXXMethodDecl>(f);
    if (f == nullptr) {
        walk_call_by_address(c, where, at);
    } else if (on_object && member_of_holder(f) && f->getOverloadedOperator() == clang::OO_Call) {
        calls({variable_of(arguments[0]), mark::none}, where, at);
    } else if (on_object && member_of_holder(f) && f->getOverloadedOperator() == clang::OO_Equal) {
        if (clang::ValueDecl const* target = variable_of(arguments[0])) {
            keeps(target, arguments[1], at);
        }
    } else {
        calls(f, where, at);
        if (on_object && f->getOverloadedOperator() == clang::OO_Call) {
            clang::ValueDecl const* object = variable_of(arguments[0]);
            if (object != nullptr && declared_.of(object) != mark::none) {
                calls({object, mark::none}, where, at);
            }
        }
        hands_arguments(f, arguments.drop_front(on_object ? 1 : 0), at);
    }
    walk_children(c, at);
}

/// By way of a pointer, a table, a member pointer.
void bodies::walk_call_by_address(clang::CallExpr const* c, clang::SourceLocation where, situation at) {
    callable pointer{variable_of(c->getCallee()), declarations::of_type(c->getCallee()->getType())};
    if (pointer.what != nullptr && llvm::isa<clang::FunctionDecl>(pointer.what)) {
        pointer.what = nullptr;
    }
    calls(pointer, where, at);
    auto const* type = c->getCallee()->getType()->getAs<clang::PointerType>();
    auto const* proto = type != nullptr ? type->getPointeeType()->getAs<clang::FunctionProtoType>() : nullptr;
    for (unsigned i = 0; proto != nullptr && i < std::min<unsigned>(proto->getNumParams(), c->getNumArgs()); ++i) {
        if (holds_function(proto->getParamType(i))) {
            flow to;
            to.target_of_type = declarations::of_type(proto->getParamType(i));
            to.target_name = "an argument of a function that is called by its address";
            to.at = at;
            keeps(to, c->getArg(i));
        }
    }
}

void bodies::walk_construction(clang::CXXConstructExpr const* c, situation at) {
    clang::CXXConstructorDecl const* f = c->getConstructor();
    if (!holds_callable(f->getParent())) {
        calls(f, c->getLocation(), at);
        hands_arguments(f, llvm::ArrayRef<clang::Expr const*>(c->getArgs(), c->getNumArgs()), at);
        add_virtuals(f->getParent());
    }
    walk_children(c, at);
}

bool bodies::follows_from_arguments(clang::SourceLocation call) const {
    if (pattern_ == nullptr) {
        return false;
    }
    auto found = independent_calls_.find(pattern_);
    return found == independent_calls_.end() || !found->second.contains(call.getRawEncoding());
}

void bodies::calls(clang::FunctionDecl const* f, clang::SourceLocation where, situation at) {
    to_->switches |= leaves_the_stack(f);
    add_function(f);
    if (current_ != nullptr) {
        independent_calls_[current_].insert(where.getRawEncoding());
    }
    call c;
    c.callee = declared_.key(f);
    c.where = declared_.place(used_at_.isValid() ? used_at_ : where);
    c.at = at;
    c.of_argument = follows_from_arguments(where);
    to_->calls.push_back(std::move(c));
}

void bodies::calls(callable const& pointer, clang::SourceLocation where, situation at) {
    call c;
    c.of_type = pointer.of_type;
    c.name = "a function";
    if (pointer.what != nullptr) {
        c.callee = key_of(pointer.what);
        c.of_type = c.of_type | declared_.of(pointer.what);
    }
    if (c.of_type == mark::none && current_ != nullptr && current_->isDependentContext()) {
        to_->dependent = true;
        return;
    }
    if (current_ != nullptr) {
        independent_calls_[current_].insert(where.getRawEncoding());
    }
    c.where = declared_.place(where);
    c.at = at;
    c.of_argument = follows_from_arguments(where);
    to_->calls.push_back(std::move(c));
}

void bodies::destroys(clang::QualType type, clang::SourceLocation where, situation at) {
    if (type.isNull() || type->isDependentType() || type->isReferenceType()) {
        return;
    }
    clang::CXXRecordDecl const* record = type->getBaseElementTypeUnsafe()->getAsCXXRecordDecl();
    if (record == nullptr || !record->hasDefinition() || record->hasTrivialDestructor()) {
        return;
    }
    if (clang::CXXDestructorDecl const* f = record->getDestructor()) {
        calls(f, where, at);
    }
}

// ---- functions that are kept for later -------------------------------------------------------------------------------------

std::string bodies::key_of(clang::ValueDecl const* what) {
    std::string key = declared_.key(what);
    if (auto const* f = llvm::dyn_cast<clang::FunctionDecl>(what)) {
        add_function(f);
    } else if (!out_.variables.contains(key)) {
        out_.variables.emplace(key, declared_.describe(what));
    }
    return key;
}

void bodies::hands_arguments(clang::FunctionDecl const* f, llvm::ArrayRef<clang::Expr const*> arguments, situation at) {
    for (unsigned i = 0; i < arguments.size(); ++i) {
        if (i >= f->getNumParams()) {
            return;
        }
        clang::ParmVarDecl const* p = parameter(f, i);
        if (declared_.of(p) != mark::none || puts_away(f) || (!any_type(f, i) && holds_function(p->getType()))) {
            keeps(p, arguments[i], at);
        } else if (any_type(f, i) && holds_function(arguments[i]->getType())) {
            for (callable const& given : callables_of(arguments[i])) {
                if (given.what != nullptr) {
                    call c;
                    c.callee = key_of(given.what);
                    c.where = declared_.place(arguments[i]->getExprLoc());
                    c.at = at;
                    c.of_argument = true;
                    c.handed_to = key_of(p);
                    to_->calls.push_back(std::move(c));
                }
            }
        }
    }
}

void bodies::keeps(clang::ValueDecl const* target, clang::Expr const* value, situation at) {
    if (!holds_function(target->getType()) && declared_.of(target) == mark::none &&
        !llvm::isa<clang::ParmVarDecl>(target)) {
        return;
    }
    flow to;
    to.target = key_of(target);
    if (declared_.system(target->getLocation())) {
        to.target_name = "'" + declared_.name(target) + "' of the system";
    }
    to.target_of_type = declared_.of(target);
    to.at = at;
    keeps(to, value);
}

void bodies::keeps(flow to, clang::Expr const* value) {
    if (value == nullptr || llvm::isa<clang::CXXDefaultInitExpr>(value)) {
        return;  // that is told where the member is declared
    }
    if (auto const* list = llvm::dyn_cast<clang::InitListExpr>(value->IgnoreParenImpCasts())) {
        if (list->getType()->isArrayType() || list->getNumInits() == 1) {
            for (clang::Expr const* each : list->inits()) {
                keeps(to, each);
            }
        }
        return;
    }
    for (callable const& source : callables_of(value)) {
        to.source_of_type = source.of_type;
        to.source.clear();
        if (source.what != nullptr) {
            to.source = key_of(source.what);
        }
        to.where = declared_.place(value->getExprLoc());
        to_->flows.push_back(to);
    }
}

void bodies::keeps_as_result(clang::Expr const* value, situation at) {
    if (value == nullptr || current_ == nullptr || !holds_function(current_->getReturnType())) {
        return;
    }
    flow to;
    to.target_of_type = declarations::of_type(current_->getDeclaredReturnType());
    to.target_name = "what '" + to_->name + "' returns";
    to.at = at;
    keeps(to, value);
}

}  // namespace weft::check
