// The first pass: a summary of each file that is compiled, several at a time, and again only when something that it reads
// has changed.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "frontend.hpp"
#include "model.hpp"

namespace weft::check {

struct pass_options {
    unsigned jobs = 1;
    std::filesystem::path cache;  ///< Where summaries are kept; empty: nowhere.
};

struct pass_result {
    std::vector<summary> summaries;
    std::size_t reused = 0;  ///< How many came from the cache.
};

[[nodiscard]] pass_result summarise(std::vector<unit> const& units, pass_options const& options);

/// Throws std::runtime_error.
[[nodiscard]] std::string read_file(std::filesystem::path const& path);

}  // namespace weft::check
