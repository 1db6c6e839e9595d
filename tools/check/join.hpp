// Joins what was kept of each file to the whole program, and finds where its marks are wrong.

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "model.hpp"

namespace weft::check {

enum class kind : std::uint8_t { unmarked_caller, blocking_call, lost_mark, unmarked_mixed, never_suspends };

/// As it stands behind a message: [weft-lost-mark].
[[nodiscard]] char const* name_of(kind k);

struct finding {
    kind what;
    position where;
    std::string text;
    std::vector<std::pair<position, std::string>> notes;
    std::string to_mark;  ///< The key of what would have to be marked; empty where a mark does not help.
    mark with = mark::none;
    std::string written_as;  ///< The macro that the source uses nearby.

    /// A hint does not make a program wrong.
    [[nodiscard]] bool hint() const { return what == kind::never_suspends; }
};

/// In no order, and some more than once.
[[nodiscard]] std::vector<finding> find_mistakes(summary const& all, std::vector<std::string> const& strict);

class program {
public:
    void add(summary&& s);

    /// Sorted by place, each once. Below the folders of `strict`, an unmarked function may not call mixed ones either.
    [[nodiscard]] std::vector<finding> check(std::vector<std::string> const& strict = {}) const;

    /// Where the mark of a function or variable has to be written; nowhere, if the declaration is a macro's or the system's.
    [[nodiscard]] std::vector<spot> const& spots(std::string const& key) const;
    /// Gives it a mark, as if that stood in the source.
    void give(std::string const& key, mark m, std::string const& written_as);

    [[nodiscard]] std::size_t size() const { return all_.functions.size(); }

private:
    summary all_;
};

}  // namespace weft::check
