#include "bodies.hpp"

#include <clang/AST/DeclFriend.h>
#include <clang/AST/ExprCXX.h>
#include <clang/AST/ExprConcepts.h>
#include <clang/AST/StmtCXX.h>

#include <tuple>
#include <utility>

namespace weft::check {
namespace {

bool not_evaluated(clang::Stmt const* s) {
    return llvm::isa<clang::UnaryExprOrTypeTraitExpr, clang::CXXNoexceptExpr, clang::CXXTypeidExpr, clang::RequiresExpr,
                     clang::ConceptSpecializationExpr, clang::TypeTraitExpr, clang::SizeOfPackExpr>(s);
}

}  // namespace

// ---- what there is ---------------------------------------------------------------------------------------------------

void bodies::add(clang::DeclContext const* context) {
    for (clang::Decl const* d : context->decls()) {
        add_declaration(d);
    }
}

void bodies::add_declaration(clang::Decl const* d) {
    if (llvm::isa<clang::NamespaceDecl, clang::LinkageSpecDecl, clang::ExportDecl>(d)) {
        add(llvm::cast<clang::DeclContext>(d));
        return;
    }
    if (declared_.system(d->getLocation())) {
        return;
    }
    if (auto const* f = llvm::dyn_cast<clang::FunctionDecl>(d)) {
        add_function(f);
    } else if (auto const* function_template = llvm::dyn_cast<clang::FunctionTemplateDecl>(d)) {
        add_function(function_template->getTemplatedDecl());
        for (clang::FunctionDecl const* made : function_template->specializations()) {
            add_function(made);
        }
    } else if (auto const* class_template = llvm::dyn_cast<clang::ClassTemplateDecl>(d)) {
        add_class(class_template->getTemplatedDecl());
        for (clang::ClassTemplateSpecializationDecl const* made : class_template->specializations()) {
            add_class(made);
        }
    } else if (auto const* type = llvm::dyn_cast<clang::CXXRecordDecl>(d)) {
        add_class(type);
    } else if (auto const* v = llvm::dyn_cast<clang::VarDecl>(d); v != nullptr && v->hasInit()) {
        walk_initializer(v, v->getInit());
    } else if (auto const* field = llvm::dyn_cast<clang::FieldDecl>(d);
               field != nullptr && field->hasInClassInitializer()) {
        walk_initializer(field, field->getInClassInitializer());
    } else if (auto const* other = llvm::dyn_cast<clang::FriendDecl>(d);
               other != nullptr && other->getFriendDecl() != nullptr) {
        add_declaration(other->getFriendDecl());
    }
}

void bodies::add_class(clang::CXXRecordDecl const* type) {
    if (type->isThisDeclarationADefinition() && !type->isLambda()) {
        add(type);
    }
}

void bodies::add_virtuals(clang::CXXRecordDecl const* type) {
    if (type->hasDefinition() && type->isDynamicClass()) {
        for (clang::CXXMethodDecl const* method : type->methods()) {
            if (method->isVirtual()) {
                add_function(method);
            }
        }
    }
}

void bodies::add_function(clang::FunctionDecl const* f) {
    if (!seen_.insert(f->getCanonicalDecl()).second) {
        return;
    }
    clang::FunctionDecl const* definition = f->getDefinition();
    auto const* of_lambda = llvm::dyn_cast<clang::CXXMethodDecl>(f);
    bool made_up = of_lambda != nullptr && of_lambda->getParent()->isLambda() && f->isImplicit();
    bool walked =
        definition != nullptr && definition->getBody() != nullptr && !member_of_holder(f) && !puts_away(f) && !made_up;
    function& described = out_.functions[declared_.key(f)] = declared_.describe(walked ? definition : f);
    described.defined = walked;
    if (walked) {
        to_do_.push_back(definition);
    }
    if (clang::FunctionDecl const* pattern = pattern_of(f)) {
        add_function(pattern);
    }
    if (auto const* method = llvm::dyn_cast<clang::CXXMethodDecl>(f)) {
        for (clang::CXXMethodDecl const* overridden : method->overridden_methods()) {
            add_function(overridden);
        }
    }
}

void bodies::walk_all() {
    while (!to_do_.empty()) {
        clang::FunctionDecl const* f = to_do_.back();
        to_do_.pop_back();
        // A pattern first: it tells which of an instance's calls follow from the arguments.
        clang::FunctionDecl const* pattern = pattern_of(f);
        if (pattern != nullptr && !independent_calls_.contains(pattern)) {
            auto found = std::find(to_do_.begin(), to_do_.end(), pattern);
            if (found != to_do_.end()) {
                *found = f;
                f = pattern;
            }
        }
        walk_function(f);
    }
}

void bodies::walk_function(clang::FunctionDecl const* f) {
    current_ = f;
    pattern_ = pattern_of(f);
    to_ = &out_.functions.at(declared_.key(f));
    independent_calls_[f];
    if (auto const* made = llvm::dyn_cast<clang::CXXConstructorDecl>(f)) {
        for (clang::CXXCtorInitializer const* first : made->inits()) {
            if (first->isAnyMemberInitializer()) {
                keeps(first->getAnyMember(), first->getInit(), situation::open);
            }
            walk_result(first->getInit(), situation::open);
        }
    }
    walk(f->getBody(), situation::open);
    if (auto const* end = llvm::dyn_cast<clang::CXXDestructorDecl>(f)) {
        for (clang::FieldDecl const* field : end->getParent()->fields()) {
            destroys(field->getType(), f->getLocation(), situation::open);
        }
        for (clang::CXXBaseSpecifier const& base : end->getParent()->bases()) {
            destroys(base.getType(), f->getLocation(), situation::open);
        }
    }
}

void bodies::walk_initializer(clang::ValueDecl const* v, clang::Expr const* value) {
    if (value == nullptr) {
        return;
    }
    function& whole = out_.functions["initializer of " + declared_.key(v)];
    whole.name = "the initializer of '" + declared_.name(v) + "'";
    whole.where = declared_.place(v->getLocation());
    whole.defined = true;
    // A local class is met in the middle of a function.
    auto around =
        std::tuple(std::exchange(current_, nullptr), std::exchange(pattern_, nullptr), std::exchange(to_, &whole));
    keeps(v, value, situation::open);
    if (llvm::isa<clang::VarDecl>(v)) {  // a member's is evaluated where an object is made
        walk_result(value, situation::open);
    }
    std::tie(current_, pattern_, to_) = around;
}

// ---- statements ------------------------------------------------------------------------------------------------------

void bodies::walk_children(clang::Stmt const* s, situation at) {
    for (clang::Stmt const* child : s->children()) {
        walk(child, at);
    }
}

void bodies::walk(clang::Stmt const* s, situation at) {
    if (s == nullptr || not_evaluated(s)) {
        return;
    }
    if (auto const* block = llvm::dyn_cast<clang::CompoundStmt>(s)) {
        walk_block(block, at);
    } else if (auto const* choice = llvm::dyn_cast<clang::IfStmt>(s)) {
        walk_if(choice, at);
    } else if (auto const* conditional = llvm::dyn_cast<clang::AbstractConditionalOperator>(s)) {
        walk_choice(conditional, at);
    } else if (auto const* binary = llvm::dyn_cast<clang::BinaryOperator>(s)) {
        walk_binary(binary, at);
    } else if (auto const* c = llvm::dyn_cast<clang::CallExpr>(s)) {
        walk_call(c, at);
    } else if (auto const* made = llvm::dyn_cast<clang::CXXConstructExpr>(s)) {
        walk_construction(made, at);
    } else if (auto const* lambda = llvm::dyn_cast<clang::LambdaExpr>(s)) {
        walk_lambda(lambda, at);
    } else if (auto const* declarations = llvm::dyn_cast<clang::DeclStmt>(s)) {
        walk_declarations(declarations, at);
    } else if (auto const* list = llvm::dyn_cast<clang::InitListExpr>(s)) {
        walk_initializers(list, at);
    } else if (auto const* end = llvm::dyn_cast<clang::ReturnStmt>(s)) {
        keeps_as_result(end->getRetValue(), at);
        walk_result(end->getRetValue(), at);
    } else if (auto const* deleted = llvm::dyn_cast<clang::CXXDeleteExpr>(s)) {
        destroys(deleted->getDestroyedType(), deleted->getBeginLoc(), at);
        walk_children(s, at);
    } else if (auto const* temporary = llvm::dyn_cast<clang::CXXBindTemporaryExpr>(s)) {
        destroys(temporary->getType(), temporary->getBeginLoc(), at);
        walk_children(s, at);
    } else if (auto const* usual = llvm::dyn_cast<clang::CXXDefaultArgExpr>(s)) {
        walk_used(usual->getExpr(), usual->getUsedLocation(), at);
    } else if (auto const* usual_member = llvm::dyn_cast<clang::CXXDefaultInitExpr>(s)) {
        walk_used(usual_member->getExpr(), usual_member->getUsedLocation(), at);
    } else if (auto const* chosen = llvm::dyn_cast<clang::GenericSelectionExpr>(s)) {
        walk(chosen->isResultDependent() ? nullptr : chosen->getResultExpr(), at);
    } else if (auto const* rewritten = llvm::dyn_cast<clang::CXXRewrittenBinaryOperator>(s)) {
        walk(rewritten->getSemanticForm(), at);
    } else {
        if (auto const* named = llvm::dyn_cast<clang::DeclRefExpr>(s)) {
            if (auto const* f = llvm::dyn_cast<clang::FunctionDecl>(named->getDecl())) {
                add_function(f);
            }
        }
        if (auto const* unary = llvm::dyn_cast<clang::UnaryOperator>(s)) {
            to_->dependent |= unary->isTypeDependent();
        }
        to_->switches |= llvm::isa<clang::AsmStmt>(s);
        to_->dependent |= llvm::isa<clang::CXXUnresolvedConstructExpr, clang::CXXDependentScopeMemberExpr>(s);
        if (auto const* loop = llvm::dyn_cast<clang::CXXForRangeStmt>(s)) {
            to_->dependent |= loop->getBeginStmt() == nullptr;
        }
        walk_children(s, at);
    }
}

void bodies::walk_block(clang::CompoundStmt const* block, situation at) {
    for (clang::Stmt const* s : block->body()) {
        walk(s, at);
        at = behind(s, at);
    }
}

void bodies::walk_if(clang::IfStmt const* s, situation at) {
    answer a = asks(s->getCond());
    walk(s->getInit(), at);
    if (s->getConditionVariableDeclStmt() != nullptr) {
        walk(s->getConditionVariableDeclStmt(), at);
    }
    walk(s->getCond(), at);
    walk(s->getThen(), a.when_true != situation::open ? a.when_true : at);
    walk(s->getElse(), a.when_false != situation::open ? a.when_false : at);
}

void bodies::walk_choice(clang::AbstractConditionalOperator const* e, situation at) {
    answer a = asks(e->getCond());
    walk(e->getCond(), at);
    walk(e->getTrueExpr(), a.when_true != situation::open ? a.when_true : at);
    walk(e->getFalseExpr(), a.when_false != situation::open ? a.when_false : at);
}

void bodies::walk_binary(clang::BinaryOperator const* e, situation at) {
    if (e->getOpcode() == clang::BO_Assign && holds_function(e->getLHS()->getType())) {
        if (clang::ValueDecl const* target = variable_of(e->getLHS())) {
            keeps(target, e->getRHS(), at);
        }
    }
    to_->dependent |= e->isTypeDependent();
    walk(e->getLHS(), at);
    answer a = e->isLogicalOp() ? asks(e->getLHS()) : answer{};
    situation known = e->getOpcode() == clang::BO_LAnd ? a.when_true : a.when_false;
    walk(e->getRHS(), known != situation::open ? known : at);
}

void bodies::walk_result(clang::Expr const* e, situation at) {
    while (e != nullptr) {
        if (auto const* full = llvm::dyn_cast<clang::FullExpr>(e)) {
            e = full->getSubExpr();
        } else if (auto const* bound = llvm::dyn_cast<clang::CXXBindTemporaryExpr>(e)) {
            e = bound->getSubExpr();
        } else {
            break;
        }
    }
    walk(e, at);
}

void bodies::walk_used(clang::Expr const* e, clang::SourceLocation where, situation at) {
    clang::SourceLocation outer = used_at_;
    used_at_ = outer.isValid() ? outer : where;
    walk(e, at);
    used_at_ = outer;
}

void bodies::walk_lambda(clang::LambdaExpr const* l, situation at) {
    add_function(l->getCallOperator());
    for (clang::Expr const* captured : l->capture_inits()) {
        walk(captured, at);
    }
}

void bodies::walk_declarations(clang::DeclStmt const* s, situation at) {
    for (clang::Decl const* d : s->decls()) {
        if (auto const* type = llvm::dyn_cast<clang::CXXRecordDecl>(d)) {
            add_class(type);
            continue;
        }
        auto const* v = llvm::dyn_cast<clang::VarDecl>(d);
        if (v == nullptr || v->getInit() == nullptr) {
            continue;
        }
        keeps(v, v->getInit(), at);
        walk_result(v->getInit(), at);
        if (!v->isStaticLocal()) {
            destroys(v->getType(), v->getLocation(), at);
        }
    }
}

void bodies::walk_initializers(clang::InitListExpr const* list, situation at) {
    if (!list->isSemanticForm() && list->getSemanticForm() != nullptr) {
        list = list->getSemanticForm();
    }
    clang::RecordDecl const* type = list->getType()->getAsRecordDecl();
    if (type != nullptr && type->isUnion()) {
        if (list->getInitializedFieldInUnion() != nullptr && list->getNumInits() == 1) {
            keeps(list->getInitializedFieldInUnion(), list->getInit(0), at);
        }
    } else if (type != nullptr) {
        auto const* as_class = llvm::dyn_cast<clang::CXXRecordDecl>(type);
        unsigned next = as_class != nullptr ? as_class->getNumBases() : 0;
        for (clang::FieldDecl const* field : type->fields()) {
            if (!field->isUnnamedBitfield() && next < list->getNumInits()) {
                keeps(field, list->getInit(next++), at);
            }
        }
    }
    walk_children(list, at);
}

}  // namespace weft::check
