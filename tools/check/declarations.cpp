#include "declarations.hpp"

#include <clang/AST/ASTLambda.h>
#include <clang/AST/Attr.h>
#include <clang/AST/TypeLoc.h>
#include <clang/Index/USRGeneration.h>
#include <clang/Lex/Lexer.h>

namespace weft::check {
namespace {

mark mark_called(llvm::StringRef annotation) {
    if (annotation == "weft::coroutine_fn") {
        return mark::coroutine;
    }
    if (annotation == "weft::mixed_fn") {
        return mark::mixed;
    }
    return annotation == "weft::no_coroutine_fn" ? mark::blocking : mark::none;
}

mark own_mark(clang::Decl const* d) {
    mark all = mark::none;
    for (auto const* annotation : d->specific_attrs<clang::AnnotateAttr>()) {
        all = all | mark_called(annotation->getAnnotation());
    }
    return all;
}

/// A parameter's number, and the function's declaration that has it.
clang::FunctionDecl const* function_of(clang::ValueDecl const* v, unsigned& index) {
    auto const* parameter = llvm::dyn_cast<clang::ParmVarDecl>(v);
    if (parameter == nullptr) {
        return nullptr;
    }
    index = parameter->getFunctionScopeIndex();
    return llvm::dyn_cast_or_null<clang::FunctionDecl>(parameter->getDeclContext());
}

}  // namespace

clang::FunctionDecl const* pattern_of(clang::FunctionDecl const* f) {
    clang::FunctionDecl const* pattern = f->getTemplateInstantiationPattern();
    return pattern == f ? nullptr : pattern;
}

clang::CXXMethodDecl const* body_of_lambda(clang::QualType type) {
    if (type.isNull()) {
        return nullptr;
    }
    auto const* record = type.getNonReferenceType()->getAsCXXRecordDecl();
    return record != nullptr && record->isLambda() ? record->getLambdaCallOperator() : nullptr;
}

bool holds_callable(clang::CXXRecordDecl const* type) {
    if (type == nullptr || !type->isInStdNamespace() || type->getIdentifier() == nullptr) {
        return false;
    }
    return type->getName() == "function" || type->getName() == "move_only_function" ||
           type->getName() == "packaged_task";
}

bool member_of_holder(clang::FunctionDecl const* f) {
    auto const* method = llvm::dyn_cast<clang::CXXMethodDecl>(f);
    return method != nullptr && holds_callable(method->getParent());
}

bool puts_away(clang::FunctionDecl const* f) {
    if (auto const* made = llvm::dyn_cast<clang::CXXConstructorDecl>(f)) {
        llvm::StringRef type = made->getParent()->getName();
        return made->getParent()->isInStdNamespace() && (type == "thread" || type == "jthread");
    }
    return f->isInStdNamespace() && f->getIdentifier() != nullptr && f->getName() == "async";
}

std::string declarations::key(clang::Decl const* d) {
    d = d->getCanonicalDecl();
    if (auto found = keys_.find(d); found != keys_.end()) {
        return found->second;
    }
    std::string result;
    unsigned index = 0;
    auto const* value = llvm::dyn_cast<clang::ValueDecl>(d);
    if (clang::FunctionDecl const* f = value != nullptr ? function_of(value, index) : nullptr) {
        result = key(f) + "#" + std::to_string(index);
    } else {
        llvm::SmallString<256> usr;
        (void)clang::index::generateUSRForDecl(d, usr);
        result = usr.str().str() + local_arguments(d);
        auto const* named = llvm::cast<clang::NamedDecl>(d);
        auto const* method = llvm::dyn_cast<clang::CXXMethodDecl>(d);
        bool lambda = method != nullptr && method->getParent()->isLambda();
        if (!named->isExternallyVisible() || lambda || result.empty()) {
            position at = place(d->getLocation());
            result +=
                "@" + at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + "@" + main_file_;
        }
    }
    keys_.emplace(d, result);
    return result;
}

std::string const& declarations::local_arguments(clang::Decl const* d) {
    if (auto found = local_arguments_.find(d); found != local_arguments_.end()) {
        return found->second;
    }
    std::string all;
    if (auto const* f = llvm::dyn_cast<clang::FunctionDecl>(d);
        f != nullptr && f->getTemplateSpecializationArgs() != nullptr) {
        add_local_types(all, f->getTemplateSpecializationArgs()->asArray());
    } else if (auto const* type = llvm::dyn_cast<clang::ClassTemplateSpecializationDecl>(d)) {
        add_local_types(all, type->getTemplateArgs().asArray());
    }
    if (auto const* around = llvm::dyn_cast_or_null<clang::Decl>(d->getDeclContext())) {
        all += local_arguments(around);
    }
    if (all.size() > 20) {
        all = "<" + std::to_string(std::hash<std::string>{}(all)) + ">";
    }
    return local_arguments_[d] = all;
}

void declarations::add_local_types(std::string& to, llvm::ArrayRef<clang::TemplateArgument> arguments) {
    for (clang::TemplateArgument const& argument : arguments) {
        if (argument.getKind() == clang::TemplateArgument::Type) {
            add_local_types(to, argument.getAsType());
        } else if (argument.getKind() == clang::TemplateArgument::Pack) {
            add_local_types(to, argument.pack_elements());
        }
    }
}

void declarations::add_local_types(std::string& to, clang::QualType type) {
    type = type.getCanonicalType();
    while (type->isPointerType() || type->isReferenceType()) {
        type = type->getPointeeType();
    }
    if (auto const* f = type->getAs<clang::FunctionProtoType>()) {
        add_local_types(to, f->getReturnType());
        for (clang::QualType parameter : f->param_types()) {
            add_local_types(to, parameter);
        }
    }
    clang::CXXRecordDecl const* record = type->getAsCXXRecordDecl();
    if (record == nullptr || record->isDependentContext()) {
        return;
    }
    if (record->isLambda() || record->isLocalClass() != nullptr) {
        position at = place(record->getLocation());
        to += "<" + at.file + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) + ">";
    }
    to += local_arguments(record);
}

std::string declarations::name(clang::NamedDecl const* d) const {
    auto const* method = llvm::dyn_cast<clang::CXXMethodDecl>(d);
    if (method == nullptr || !method->getParent()->isLambda()) {
        if (d->getIdentifier() != nullptr && d->getDeclContext()->isFunctionOrMethod()) {
            return d->getNameAsString();  // a local variable, or a parameter
        }
        return d->getQualifiedNameAsString();
    }
    clang::DeclContext const* around = method->getParent()->getDeclContext();
    while (around != nullptr && !llvm::isa<clang::FunctionDecl>(around)) {
        around = around->getParent();
    }
    if (around == nullptr) {
        return "a lambda";
    }
    std::string outer = name(llvm::cast<clang::FunctionDecl>(around));
    return outer.starts_with("a lambda") ? outer : "a lambda in '" + outer + "'";
}

position declarations::place(clang::SourceLocation at) const {
    clang::SourceLocation in_file = sources_.getFileLoc(at);
    auto [file, offset] = sources_.getDecomposedLoc(in_file);
    clang::FileEntry const* entry = sources_.getFileEntryForID(file);
    if (entry == nullptr) {
        return {};
    }
    llvm::StringRef path = entry->tryGetRealPathName();
    return {(path.empty() ? entry->getName() : path).str(), sources_.getLineNumber(file, offset),
            sources_.getColumnNumber(file, offset)};
}

bool declarations::system(clang::SourceLocation at) const {
    return at.isInvalid() || sources_.isInSystemHeader(sources_.getExpansionLoc(at));
}

std::vector<clang::ValueDecl const*> declarations::all_of(clang::ValueDecl const* v) {
    std::vector<clang::ValueDecl const*> all;
    unsigned index = 0;
    if (clang::FunctionDecl const* f = function_of(v, index)) {
        for (clang::FunctionDecl const* of = f; of != nullptr; of = pattern_of(of)) {
            for (clang::FunctionDecl const* each : of->redecls()) {
                // A pack of the pattern stands for the last of the parameters, and those behind it.
                if (each->getNumParams() != 0) {
                    all.push_back(each->getParamDecl(std::min(index, each->getNumParams() - 1)));
                }
            }
        }
        if (all.empty()) {
            all.push_back(v);
        }
        return all;
    }
    if (auto const* f = llvm::dyn_cast<clang::FunctionDecl>(v)) {
        for (clang::FunctionDecl const* of = f; of != nullptr; of = pattern_of(of)) {
            all.insert(all.end(), of->redecls_begin(), of->redecls_end());
        }
    } else if (auto const* variable = llvm::dyn_cast<clang::VarDecl>(v)) {
        all.insert(all.end(), variable->redecls_begin(), variable->redecls_end());
        if (clang::VarDecl const* pattern = variable->getTemplateInstantiationPattern()) {
            all.push_back(pattern);
        }
    } else {
        all.push_back(v);
    }
    return all;
}

void declarations::add_marks(declared& to, clang::Decl const* d) const {
    mark m = own_mark(d);
    if (m == mark::none) {
        return;
    }
    to.marks = to.marks | m;
    clang::SourceLocation at = (*d->specific_attr_begin<clang::AnnotateAttr>())->getLocation();
    if (to.written_as.empty() && at.isMacroID()) {
        clang::SourceLocation used = sources_.getExpansionLoc(at);
        unsigned length = clang::Lexer::MeasureTokenLength(used, sources_, context_.getLangOpts());
        to.written_as = std::string(sources_.getCharacterData(used), length);
    }
}

void declarations::add_spot(declared& to, clang::DeclaratorDecl const* d) const {
    clang::SourceLocation in_front = d->getInnerLocStart();
    clang::SourceLocation name = d->getLocation();
    if (clang::TypeSourceInfo const* type = d->getTypeSourceInfo();
        type != nullptr && !llvm::isa<clang::FunctionDecl>(d)) {
        if (auto pointer = type->getTypeLoc().getUnqualifiedLoc().getAs<clang::PointerTypeLoc>()) {
            if (auto inner = pointer.getPointeeLoc().getAs<clang::ParenTypeLoc>()) {
                name = inner.getLParenLoc();  // void coroutine_fn (*name)(void)
            }
        }
    }
    if (in_front.isInvalid() || name.isInvalid() || in_front.isMacroID() || name.isMacroID() || system(name)) {
        return;
    }
    spot s;
    s.file = place(in_front).file;
    s.in_front = sources_.getFileOffset(in_front);
    s.before_name = sources_.getFileOffset(name);
    s.c = !context_.getLangOpts().CPlusPlus;
    auto known = [&](char const* macro) {
        clang::IdentifierInfo* identifier = preprocessor_.getIdentifierInfo(macro);
        return static_cast<bool>(preprocessor_.getMacroDefinitionAtLoc(identifier, in_front));
    };
    s.knows_weft = known("WEFT_COROUTINE_FN");
    s.knows_qemu = known("coroutine_fn");
    if (std::find(to.spots.begin(), to.spots.end(), s) == to.spots.end()) {
        to.spots.push_back(s);
    }
}

declared declarations::describe(clang::ValueDecl const* v) {
    declared result;
    std::vector<clang::ValueDecl const*> all = all_of(v);
    result.name = name(v);
    result.where = place(v->getLocation());
    result.system = system(v->getLocation());
    result.member = llvm::isa<clang::FieldDecl>(v);
    for (clang::ValueDecl const* each : all) {
        add_marks(result, each);
    }
    result.marks = result.marks | of_type(v->getType());
    // Marks are inherited from the first declaration on. That of a template is one of its pattern's.
    clang::ValueDecl const* last = all.back();
    std::vector<clang::ValueDecl const*> first = {llvm::cast<clang::ValueDecl>(last->getCanonicalDecl())};
    if (unsigned index = 0; clang::FunctionDecl const* f = function_of(last, index)) {
        first = {f->getCanonicalDecl()->getParamDecl(index)};
    }
    for (clang::ValueDecl const* each : first) {
        if (auto const* declarator = llvm::dyn_cast<clang::DeclaratorDecl>(each)) {
            add_spot(result, declarator);
        }
    }
    return result;
}

function declarations::describe(clang::FunctionDecl const* f) {
    function result;
    static_cast<declared&>(result) = describe(static_cast<clang::ValueDecl const*>(f));
    if (clang::TypeSourceInfo const* written = f->getTypeSourceInfo()) {
        result.marks = result.marks | of_type(written->getType());  // coroutine_entry start;
    }
    result.is_main = f->isMain();
    result.implicit = f->isImplicit() || f->isDefaulted();
    if (clang::FunctionDecl const* pattern = pattern_of(f)) {
        result.instance = true;
        result.pattern = key(pattern);
    }
    if (auto const* method = llvm::dyn_cast<clang::CXXMethodDecl>(f)) {
        result.lambda = method->getParent()->isLambda();
        result.is_virtual = method->isVirtual();
        for (clang::CXXMethodDecl const* overridden : method->overridden_methods()) {
            result.overrides.push_back(key(overridden));
        }
    }
    if (result.lambda) {
        result.spots.clear();
    }
    return result;
}

mark declarations::of(clang::ValueDecl const* v) {
    mark all = of_type(v->getType());
    for (clang::ValueDecl const* each : all_of(v)) {
        all = all | own_mark(each);
    }
    return all;
}

mark declarations::of_type(clang::QualType type) {
    mark all = mark::none;
    while (!type.isNull()) {
        clang::Type const* t = type.getTypePtr();
        if (auto const* named = llvm::dyn_cast<clang::TypedefType>(t)) {
            all = all | own_mark(named->getDecl());
        }
        if (auto const* pointer = llvm::dyn_cast<clang::PointerType>(t)) {
            type = pointer->getPointeeType();
        } else if (auto const* reference = llvm::dyn_cast<clang::ReferenceType>(t)) {
            type = reference->getPointeeTypeAsWritten();
        } else if (auto const* member = llvm::dyn_cast<clang::MemberPointerType>(t)) {
            type = member->getPointeeType();
        } else if (auto const* array = llvm::dyn_cast<clang::ArrayType>(t)) {
            type = array->getElementType();
        } else {
            clang::QualType simpler = t->getLocallyUnqualifiedSingleStepDesugaredType();
            if (simpler.getTypePtr() == t) {
                break;
            }
            type = simpler;
        }
    }
    return all;
}

bool declarations::asks_for_coroutine(clang::NamedDecl const* d) {
    for (auto const* annotation : d->specific_attrs<clang::AnnotateAttr>()) {
        if (annotation->getAnnotation() == "weft::in_coroutine") {
            return true;
        }
    }
    return llvm::isa<clang::FunctionDecl>(d) && d->getIdentifier() != nullptr &&
           (d->getName() == "in_coroutine" || d->getName() == "qemu_in_coroutine" ||
            d->getName() == "weft_in_coroutine");
}

}  // namespace weft::check
