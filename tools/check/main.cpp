// weft-check: checks which functions may suspend, and who calls them. docs/check.md is its manual.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "fix.hpp"
#include "join.hpp"
#include "passes.hpp"

namespace {

namespace fs = std::filesystem;
using weft::check::finding;

constexpr char const* footer = R"(Examples:
  weft-check -p build                      check all that build/compile_commands.json compiles
  weft-check -p build src/net              only what is compiled from there
  weft-check -p build --fix                add the marks that are missing to the source, and check again

Exit codes: 0 nothing is wrong, 1 there are warnings, 2 something cannot be read.)";

struct command_line {
    std::string build = ".";
    std::vector<std::string> paths;
    std::vector<std::string> strict;
    std::string cache;
    unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    bool fix = false;
    bool no_cache = false;
    bool no_hints = false;
};

void describe(CLI::App& app, command_line& line) {
    app.description("Checks the marks of functions that may suspend: coroutine_fn and its like.");
    app.footer(footer);
    app.add_option("paths", line.paths, "Files and folders; of what is compiled, only these are looked at [all]");
    app.add_option("-p,--build", line.build, "The folder of compile_commands.json [.]")->type_name("FOLDER");
    app.add_option("--strict", line.strict,
                   "Below this folder, functions that call a mixed function have to be marked too; may be repeated")
        ->type_name("FOLDER")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_flag("--fix", line.fix, "Write the marks that are missing to the source files below the working directory");
    app.add_flag("--no-hints", line.no_hints, "Leave out marked functions that never suspend");
    app.add_option("-j,--jobs", line.jobs, "How many files are read at a time [one a processor]")
        ->check(CLI::Range(1, 1024));
    app.add_option("--cache", line.cache, "Keep summaries there [weft-check in the build folder]")->type_name("FOLDER");
    app.add_flag("--no-cache", line.no_cache, "Read each file anew, and keep nothing");
}

/// Absolute, without links and dots, as clang names files.
std::string absolute(std::string const& path) {
    return fs::weakly_canonical(path).string();
}

bool below(std::string const& file, std::string const& folder) {
    return file == folder || (file.starts_with(folder) && (folder.ends_with('/') || file[folder.size()] == '/'));
}

std::vector<weft::check::unit> chosen(std::vector<weft::check::unit> all, std::vector<std::string> const& paths) {
    for (std::string const& path : paths) {
        std::string folder = absolute(path);
        bool any = std::any_of(all.begin(), all.end(), [&](auto const& u) { return below(absolute(u.file), folder); });
        if (!any) {
            throw std::runtime_error(path + ": compile_commands.json compiles nothing there");
        }
    }
    // One that is compiled for several programs is looked at once.
    std::set<std::string> seen;
    std::erase_if(all, [&](auto const& u) {
        std::string file = absolute(u.file);
        bool wanted = paths.empty() || std::any_of(paths.begin(), paths.end(), [&](std::string const& path) {
                          return below(file, absolute(path));
                      });
        return !wanted || !seen.insert(file).second;
    });
    return all;
}

/// The lines of the sources, for `weft-check: allow`.
class sources {
public:
    /// Whether the line, or the one above it, says so in a comment.
    bool allow(finding const& f) {
        std::vector<std::string> const& lines = of(f.where.file);
        for (std::size_t line : {f.where.line, f.where.line - 1}) {
            if (line >= 1 && line <= lines.size() && lines[line - 1].find("weft-check: allow") != std::string::npos) {
                return true;
            }
        }
        return false;
    }

private:
    std::vector<std::string> const& of(std::string const& file) {
        auto [found, is_new] = files_.try_emplace(file);
        if (is_new && fs::exists(file)) {
            std::istringstream text(weft::check::read_file(file));
            for (std::string line; std::getline(text, line);) {
                found->second.push_back(line);
            }
        }
        return found->second;
    }

    std::map<std::string, std::vector<std::string>> files_;
};

/// Below the working directory, from there.
std::string shown(std::string const& file) {
    std::string here = fs::current_path().string() + '/';
    return file.starts_with(here) ? file.substr(here.size()) : file;
}

std::string shown(weft::check::position const& p) {
    return fmt::format("{}:{}:{}", shown(p.file), p.line, p.column);
}

void print(finding const& f) {
    fmt::print("{}: {}: {} [{}]\n", shown(f.where), f.hint() ? "remark" : "warning", f.text, name_of(f.what));
    for (auto const& [where, text] : f.notes) {
        fmt::print("{}: note: {}\n", shown(where), text);
    }
}

std::string counted(std::size_t n, char const* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

int check(command_line const& line) {
    std::vector<weft::check::unit> units = chosen(weft::check::read_database(line.build), line.paths);
    weft::check::pass_options options{.jobs = line.jobs, .cache = {}};
    if (!line.no_cache) {
        options.cache = line.cache.empty() ? fs::path(line.build) / "weft-check" : fs::path(line.cache);
    }
    weft::check::pass_result read = summarise(units, options);
    weft::check::program all;
    std::size_t unreadable = 0;
    for (weft::check::summary& s : read.summaries) {
        for (std::string const& error : s.errors) {
            fmt::print(stderr, "{}\n", error);
        }
        unreadable += s.errors.empty() ? 0 : 1;
        all.add(std::move(s));
    }
    std::vector<std::string> strict;
    std::transform(line.strict.begin(), line.strict.end(), std::back_inserter(strict), absolute);
    sources text;
    auto allowed = [&](finding const& f) { return text.allow(f); };
    if (line.fix && unreadable == 0) {
        // What is left is told by the places before the marks were written.
        std::string here = fs::current_path().string();
        auto own = [&](weft::check::spot const& s) { return below(s.file, here); };
        weft::check::fixes done = add_missing_marks(all, strict, allowed, own);
        fmt::print("weft-check: {} written to {}\n", counted(done.marks, "mark"), counted(done.files.size(), "file"));
    }
    std::vector<finding> found = all.check(strict);
    std::erase_if(found, [&](finding const& f) { return allowed(f) || (f.hint() && line.no_hints); });
    std::for_each(found.begin(), found.end(), print);
    auto hints =
        static_cast<std::size_t>(std::count_if(found.begin(), found.end(), [](auto const& f) { return f.hint(); }));
    std::size_t warnings = found.size() - hints;
    fmt::print("weft-check: {}, {}; {} ({} from the cache), {}\n", counted(warnings, "warning"), counted(hints, "hint"),
               counted(units.size(), "file"), read.reused, counted(all.size(), "function"));
    if (unreadable != 0) {
        fmt::print(stderr, "weft-check: {} could not be read\n", counted(unreadable, "file"));
        return 2;
    }
    return warnings == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app;
    command_line line;
    try {
        describe(app, line);
        app.parse(argc, argv);
        return check(line);
    } catch (CLI::ParseError const& e) {
        return app.exit(e) == 0 ? 0 : 2;
    } catch (std::exception const& e) {
        fmt::print(stderr, "weft-check: {}\n", e.what());
        return 2;
    }
}
