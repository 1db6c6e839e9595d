#include "expressions.hpp"

#include <clang/AST/ExprCXX.h>
#include <clang/AST/StmtCXX.h>

namespace weft::check {
namespace {

clang::Expr const* plain(clang::Expr const* e) {
    for (;;) {
        clang::Expr const* before = e;
        e = e->IgnoreParenCasts();
        if (auto const* full = llvm::dyn_cast<clang::FullExpr>(e)) {
            e = full->getSubExpr();
        } else if (auto const* temporary = llvm::dyn_cast<clang::MaterializeTemporaryExpr>(e)) {
            e = temporary->getSubExpr();
        } else if (auto const* bound = llvm::dyn_cast<clang::CXXBindTemporaryExpr>(e)) {
            e = bound->getSubExpr();
        } else if (auto const* of_template = llvm::dyn_cast<clang::SubstNonTypeTemplateParmExpr>(e)) {
            e = of_template->getReplacement();
        } else if (auto const* usual = llvm::dyn_cast<clang::CXXDefaultInitExpr>(e)) {
            e = usual->getExpr();
        } else if (auto const* usual_argument = llvm::dyn_cast<clang::CXXDefaultArgExpr>(e)) {
            e = usual_argument->getExpr();
        }
        if (e == before) {
            return e;
        }
    }
}

/// std::move(x), std::forward<X>(x), std::ref(x): x.
clang::Expr const* passed_on(clang::CallExpr const* c) {
    clang::FunctionDecl const* f = c->getDirectCallee();
    if (f == nullptr || !f->isInStdNamespace() || f->getIdentifier() == nullptr || c->getNumArgs() != 1) {
        return nullptr;
    }
    bool passes =
        f->getName() == "move" || f->getName() == "forward" || f->getName() == "ref" || f->getName() == "addressof";
    return passes ? c->getArg(0) : nullptr;
}

/// The one operator() of a class, if there is one.
clang::FunctionDecl const* call_operator(clang::QualType type) {
    if (clang::CXXMethodDecl const* lambda = body_of_lambda(type)) {
        return lambda;
    }
    auto const* record = type->getAsCXXRecordDecl();
    if (record == nullptr || !record->hasDefinition() || holds_callable(record)) {
        return nullptr;
    }
    clang::FunctionDecl const* only = nullptr;
    for (clang::CXXMethodDecl const* method : record->methods()) {
        if (method->getOverloadedOperator() == clang::OO_Call) {
            if (only != nullptr) {
                return nullptr;
            }
            only = method;
        }
    }
    return only;
}

void collect(clang::Expr const* e, std::vector<callable>& found);

void collect_of_construction(clang::CXXConstructExpr const* made, std::vector<callable>& found) {
    clang::CXXRecordDecl const* type = made->getConstructor()->getParent();
    if (holds_callable(type) && made->getNumArgs() >= 1) {
        collect(made->getArg(0), found);
    } else if (clang::FunctionDecl const* called = call_operator(made->getType())) {
        found.push_back({called, mark::none});
    }
}

void collect(clang::Expr const* e, std::vector<callable>& found) {
    e = plain(e);
    if (e->getType().isNull()) {
        return;  // (x), in a template's pattern
    }
    if (auto const* both = llvm::dyn_cast<clang::AbstractConditionalOperator>(e)) {
        collect(both->getTrueExpr(), found);
        collect(both->getFalseExpr(), found);
        return;
    }
    if (auto const* op = llvm::dyn_cast<clang::UnaryOperator>(e)) {
        if (op->getOpcode() == clang::UO_AddrOf || op->getOpcode() == clang::UO_Deref ||
            op->getOpcode() == clang::UO_Plus) {
            collect(op->getSubExpr(), found);
        }
        return;
    }
    if (auto const* op = llvm::dyn_cast<clang::BinaryOperator>(e); op != nullptr && op->isAssignmentOp()) {
        collect(op->getRHS(), found);
        return;
    }
    if (auto const* converted = llvm::dyn_cast<clang::CXXMemberCallExpr>(e);
        converted != nullptr && llvm::isa_and_nonnull<clang::CXXConversionDecl>(converted->getMethodDecl())) {
        collect(converted->getImplicitObjectArgument(), found);  // a lambda as a pointer to a function
        return;
    }
    if (auto const* made = llvm::dyn_cast<clang::CXXConstructExpr>(e)) {
        collect_of_construction(made, found);
        return;
    }
    if (auto const* c = llvm::dyn_cast<clang::CallExpr>(e)) {
        if (clang::Expr const* inner = passed_on(c)) {
            collect(inner, found);
            return;
        }
    }
    if (auto const* named = llvm::dyn_cast<clang::DeclRefExpr>(e); named != nullptr) {
        if (llvm::isa<clang::FunctionDecl>(named->getDecl())) {
            found.push_back({named->getDecl(), mark::none});
            return;
        }
    }
    if (holds_function(e->getType())) {
        found.push_back({variable_of(e), declarations::of_type(e->getType())});
    } else if (clang::FunctionDecl const* called = call_operator(e->getType().getNonReferenceType())) {
        found.push_back({called, mark::none});
    }
}

bool is_nothing(clang::Expr const* e) {
    e = e->IgnoreParenCasts();
    if (auto const* number = llvm::dyn_cast<clang::IntegerLiteral>(e)) {
        return number->getValue() == 0;
    }
    if (auto const* truth = llvm::dyn_cast<clang::CXXBoolLiteralExpr>(e)) {
        return !truth->getValue();
    }
    return llvm::isa<clang::CXXNullPtrLiteralExpr>(e) || llvm::isa<clang::GNUNullExpr>(e);
}

answer turned(answer a) {
    return {a.when_false, a.when_true};
}

situation first_known(situation a, situation b) {
    return a != situation::open ? a : b;
}

answer asks(clang::BinaryOperator const* op) {
    switch (op->getOpcode()) {
        case clang::BO_LAnd:
            return {first_known(check::asks(op->getLHS()).when_true, check::asks(op->getRHS()).when_true),
                    situation::open};
        case clang::BO_LOr:
            return {situation::open,
                    first_known(check::asks(op->getLHS()).when_false, check::asks(op->getRHS()).when_false)};
        case clang::BO_EQ:
        case clang::BO_NE: {
            clang::Expr const* left = op->getLHS();
            clang::Expr const* right = op->getRHS();
            if (is_nothing(left)) {
                std::swap(left, right);
            }
            if (!is_nothing(right)) {
                return {};
            }
            return op->getOpcode() == clang::BO_NE ? check::asks(left) : turned(check::asks(left));
        }
        default:
            return {};
    }
}

answer asks(clang::ValueDecl const* d) {
    if (declarations::asks_for_coroutine(d)) {
        return {situation::inside, situation::outside};
    }
    auto const* variable = llvm::dyn_cast<clang::VarDecl>(d);
    if (variable != nullptr && variable->isLocalVarDecl() && variable->getInit() != nullptr &&
        !variable->getInit()->isValueDependent()) {
        return check::asks(variable->getInit());
    }
    return {};
}

}  // namespace

std::vector<callable> callables_of(clang::Expr const* e) {
    std::vector<callable> found;
    if (e != nullptr) {
        collect(e, found);
    }
    return found;
}

clang::ValueDecl const* variable_of(clang::Expr const* e) {
    e = plain(e);
    if (auto const* op = llvm::dyn_cast<clang::UnaryOperator>(e)) {
        return variable_of(op->getSubExpr());
    }
    if (auto const* op = llvm::dyn_cast<clang::BinaryOperator>(e); op != nullptr && op->isPtrMemOp()) {
        return variable_of(op->getRHS());
    }
    if (auto const* item = llvm::dyn_cast<clang::ArraySubscriptExpr>(e)) {
        return variable_of(item->getBase());
    }
    if (auto const* c = llvm::dyn_cast<clang::CallExpr>(e)) {
        clang::Expr const* inner = passed_on(c);
        return inner == nullptr ? nullptr : variable_of(inner);
    }
    if (auto const* named = llvm::dyn_cast<clang::DeclRefExpr>(e)) {
        return named->getDecl();
    }
    if (auto const* member = llvm::dyn_cast<clang::MemberExpr>(e)) {
        return member->getMemberDecl();
    }
    return nullptr;
}

bool holds_function(clang::QualType type) {
    if (type.isNull() || type->isDependentType()) {
        return false;
    }
    type = type.getNonReferenceType();
    while (clang::ArrayType const* array = type->getAsArrayTypeUnsafe()) {
        type = array->getElementType();
    }
    if (type->isFunctionPointerType() || type->isMemberFunctionPointerType() || type->isFunctionType()) {
        return true;
    }
    if (type->isPointerType()) {
        return holds_function(type->getPointeeType());  // a pointer to a table
    }
    return holds_callable(type->getAsCXXRecordDecl());
}

answer asks(clang::Expr const* condition) {
    if (condition == nullptr) {
        return {};
    }
    clang::Expr const* e = plain(condition);
    if (auto const* op = llvm::dyn_cast<clang::UnaryOperator>(e)) {
        return op->getOpcode() == clang::UO_LNot ? turned(asks(op->getSubExpr())) : answer{};
    }
    if (auto const* op = llvm::dyn_cast<clang::BinaryOperator>(e)) {
        return asks(op);
    }
    if (auto const* named = llvm::dyn_cast<clang::DeclRefExpr>(e)) {
        return asks(named->getDecl());
    }
    if (auto const* member = llvm::dyn_cast<clang::MemberExpr>(e)) {
        return asks(member->getMemberDecl());
    }
    if (auto const* c = llvm::dyn_cast<clang::CallExpr>(e)) {
        clang::FunctionDecl const* f = c->getDirectCallee();
        if (f != nullptr && f->getBuiltinID() != 0 && f->getName() == "__builtin_expect") {
            return asks(c->getArg(0));
        }
        return f == nullptr ? answer{} : asks(f);
    }
    return {};
}

bool never_completes(clang::Stmt const* s) {
    if (s == nullptr) {
        return false;
    }
    if (auto const* block = llvm::dyn_cast<clang::CompoundStmt>(s)) {
        return !block->body_empty() && never_completes(block->body_back());
    }
    if (auto const* choice = llvm::dyn_cast<clang::IfStmt>(s)) {
        return never_completes(choice->getThen()) && never_completes(choice->getElse());
    }
    if (auto const* with_attribute = llvm::dyn_cast<clang::AttributedStmt>(s)) {
        return never_completes(with_attribute->getSubStmt());
    }
    if (auto const* e = llvm::dyn_cast<clang::Expr>(s)) {
        clang::Expr const* inner = plain(e);
        if (auto const* c = llvm::dyn_cast<clang::CallExpr>(inner)) {
            clang::FunctionDecl const* f = c->getDirectCallee();
            return f != nullptr && f->isNoReturn();
        }
        return llvm::isa<clang::CXXThrowExpr>(inner);
    }
    return llvm::isa<clang::ReturnStmt, clang::BreakStmt, clang::ContinueStmt, clang::GotoStmt>(s);
}

situation behind(clang::Stmt const* s, situation before) {
    if (s == nullptr) {
        return before;
    }
    if (auto const* with_attribute = llvm::dyn_cast<clang::AttributedStmt>(s)) {
        return behind(with_attribute->getSubStmt(), before);
    }
    if (auto const* choice = llvm::dyn_cast<clang::IfStmt>(s)) {
        answer a = asks(choice->getCond());
        if (never_completes(choice->getThen())) {
            return first_known(a.when_false, before);
        }
        return never_completes(choice->getElse()) ? first_known(a.when_true, before) : before;
    }
    auto const* e = llvm::dyn_cast<clang::Expr>(s);
    if (e == nullptr) {
        return before;
    }
    e = plain(e);
    if (auto const* choice = llvm::dyn_cast<clang::ConditionalOperator>(e)) {  // assert() in C++
        answer a = asks(choice->getCond());
        if (never_completes(choice->getFalseExpr())) {
            return first_known(a.when_true, before);
        }
        return never_completes(choice->getTrueExpr()) ? first_known(a.when_false, before) : before;
    }
    if (auto const* block = llvm::dyn_cast<clang::StmtExpr>(e)) {  // assert() in C
        for (clang::Stmt const* inner : block->getSubStmt()->body()) {
            before = behind(inner, before);
        }
    }
    return before;
}

}  // namespace weft::check
