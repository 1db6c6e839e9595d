// Reads a file that is compiled, as clang would, and keeps what weft-check needs of it.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model.hpp"

namespace weft::check {

/// One entry of compile_commands.json.
struct unit {
    std::string file;
    std::string directory;
    std::vector<std::string> command;
};

/// Throws std::runtime_error.
[[nodiscard]] std::vector<unit> read_database(std::filesystem::path const& folder);

/// What can't be parsed is told in summary::errors. Threads: any.
[[nodiscard]] summary read(unit const& u);

}  // namespace weft::check
