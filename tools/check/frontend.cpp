#include "frontend.hpp"

#include <clang/AST/ASTConsumer.h>
#include <clang/Basic/Diagnostic.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendAction.h>
#include <clang/Tooling/JSONCompilationDatabase.h>
#include <clang/Tooling/Tooling.h>

#include <stdexcept>

#include "bodies.hpp"
#include "declarations.hpp"

namespace weft::check {
namespace {

namespace tooling = clang::tooling;

class consumer : public clang::ASTConsumer {
public:
    consumer(clang::CompilerInstance& compiler, std::string file, summary& out)
        : compiler_(compiler), file_(std::move(file)), out_(out) {}

    void HandleTranslationUnit(clang::ASTContext& context) override {
        declarations declared(context, compiler_.getPreprocessor(), file_);
        bodies all(declared, out_);
        all.add(context.getTranslationUnitDecl());
        all.walk_all();
        clang::SourceManager& sources = context.getSourceManager();
        for (auto file = sources.fileinfo_begin(); file != sources.fileinfo_end(); ++file) {
            llvm::StringRef path = file->first->tryGetRealPathName();
            out_.files.push_back((path.empty() ? file->first->getName() : path).str());
        }
    }

private:
    clang::CompilerInstance& compiler_;
    std::string const file_;
    summary& out_;
};

class action : public clang::ASTFrontendAction {
public:
    explicit action(summary& out) : out_(out) {}

    std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler,
                                                          llvm::StringRef file) override {
        return std::make_unique<consumer>(compiler, file.str(), out_);
    }

private:
    summary& out_;
};

/// Keeps the errors, as clang words them; warnings are the compiler's business.
class errors : public clang::DiagnosticConsumer {
public:
    explicit errors(summary& out) : out_(out) {}

    void HandleDiagnostic(clang::DiagnosticsEngine::Level level, clang::Diagnostic const& d) override {
        DiagnosticConsumer::HandleDiagnostic(level, d);
        if (level < clang::DiagnosticsEngine::Error || out_.errors.size() >= 5) {
            return;
        }
        llvm::SmallString<256> text;
        d.FormatDiagnostic(text);
        std::string where;
        if (d.hasSourceManager() && d.getLocation().isValid()) {
            clang::PresumedLoc at = d.getSourceManager().getPresumedLoc(d.getLocation());
            where = std::string(at.getFilename()) + ":" + std::to_string(at.getLine()) + ":" +
                    std::to_string(at.getColumn()) + ": ";
        }
        out_.errors.push_back(where + "error: " + text.str().str());
    }

private:
    summary& out_;
};

/// The compiler's command, as one for clang that only looks. What was precompiled by another compiler is of no use to it:
/// a header that the command includes is read anew, which `-Xclang -include` sees to.
tooling::CommandLineArguments for_clang(tooling::CommandLineArguments const& command, llvm::StringRef) {
    tooling::CommandLineArguments result;
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (command[i] == "-include" && i + 1 < command.size()) {
            result.insert(result.end(), {"-Xclang", "-include", "-Xclang", command[++i]});
        } else if (command[i] != "-Winvalid-pch") {
            result.push_back(command[i]);
        }
    }
    result.insert(result.begin() + 1, {"-resource-dir=" WEFT_CHECK_RESOURCES, "-Wno-everything", "-Qunused-arguments"});
    return result;
}

class one_command : public tooling::CompilationDatabase {
public:
    explicit one_command(unit const& u) : command_(u.directory, u.file, u.command, "") {}

    std::vector<tooling::CompileCommand> getCompileCommands(llvm::StringRef) const override { return {command_}; }

private:
    tooling::CompileCommand command_;
};

}  // namespace

std::vector<unit> read_database(std::filesystem::path const& folder) {
    std::string message;
    std::string path = (folder / "compile_commands.json").string();
    auto database =
        tooling::JSONCompilationDatabase::loadFromFile(path, message, tooling::JSONCommandLineSyntax::AutoDetect);
    if (!database) {
        throw std::runtime_error(path + ": " + message + " (cmake writes it with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)");
    }
    std::vector<unit> units;
    for (tooling::CompileCommand const& c : database->getAllCompileCommands()) {
        std::filesystem::path file = std::filesystem::path(c.Directory) / c.Filename;
        units.push_back({file.lexically_normal().string(), c.Directory, c.CommandLine});
    }
    return units;
}

summary read(unit const& u) {
    summary result;
    one_command database(u);
    // With a file system of its own, which has a working directory of its own: others read at the same time.
    tooling::ClangTool tool(database, {u.file}, std::make_shared<clang::PCHContainerOperations>(),
                            llvm::vfs::createPhysicalFileSystem());
    errors diagnostics(result);
    tool.setDiagnosticConsumer(&diagnostics);
    tool.clearArgumentsAdjusters();
    tool.appendArgumentsAdjuster(tooling::getClangStripOutputAdjuster());
    tool.appendArgumentsAdjuster(tooling::getClangStripDependencyFileAdjuster());
    tool.appendArgumentsAdjuster(tooling::getClangSyntaxOnlyAdjuster());
    tool.appendArgumentsAdjuster(for_clang);
    struct factory : tooling::FrontendActionFactory {
        explicit factory(summary& s) : out(s) {}
        std::unique_ptr<clang::FrontendAction> create() override { return std::make_unique<action>(out); }
        summary& out;
    } actions(result);
    if (tool.run(&actions) != 0 && result.errors.empty()) {
        result.errors.push_back(u.file + ": error: clang can't read the command for it");
    }
    if (!result.errors.empty()) {
        result.functions.clear();
        result.variables.clear();
    }
    prune(result);
    return result;
}

}  // namespace weft::check
