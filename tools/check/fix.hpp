// --fix: writes the marks that are missing.

#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "join.hpp"

namespace weft::check {

struct fixes {
    std::size_t marks = 0;
    std::vector<std::string> files;
};

/// Gives the program the marks that findings ask for, then those that these ask for, until no more can be given; and writes
/// them to the source files. `allowed` tells which findings are to be left alone, `own` which files may be changed. Throws
/// std::runtime_error.
template <class Allowed, class Own>
fixes add_missing_marks(program& all, std::vector<std::string> const& strict, Allowed allowed, Own own);

/// Where marks go in one program's files.
class edits {
public:
    void add(spot const& s, mark m, std::string const& like);
    /// Throws std::runtime_error.
    fixes write() const;

private:
    struct insertion {
        unsigned offset;
        std::string text;
        auto operator<=>(insertion const&) const = default;
    };
    struct file_edits {
        std::vector<insertion> insertions;
        std::string include;  ///< What has to be included for the marks' sake; mostly nothing.
    };

    std::vector<std::pair<std::string, file_edits>> files_;
};

template <class Allowed, class Own>
fixes add_missing_marks(program& all, std::vector<std::string> const& strict, Allowed allowed, Own own) {
    edits done;
    for (bool changed = true; changed;) {
        changed = false;
        for (finding const& f : all.check(strict)) {
            std::vector<spot> const& spots = all.spots(f.to_mark);
            if (spots.empty() || allowed(f) || !std::all_of(spots.begin(), spots.end(), own)) {
                continue;
            }
            for (spot const& s : spots) {
                done.add(s, f.with, f.written_as);
            }
            all.give(f.to_mark, f.with, f.written_as);
            changed = true;
        }
    }
    return done.write();
}

}  // namespace weft::check
