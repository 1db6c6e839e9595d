#include "join.hpp"

#include <algorithm>
#include <tuple>

namespace weft::check {
namespace {

void merge(declared& into, declared& from) {
    into.marks = into.marks | from.marks;
    if (into.written_as.empty()) {
        into.written_as = from.written_as;
    }
    for (spot& s : from.spots) {
        if (std::find(into.spots.begin(), into.spots.end(), s) == into.spots.end()) {
            into.spots.push_back(std::move(s));
        }
    }
}

}  // namespace

void program::add(summary&& s) {
    for (auto& [key, from] : s.functions) {
        auto [found, is_new] = all_.functions.try_emplace(key);
        function& f = found->second;
        if (is_new) {
            f = std::move(from);
            continue;
        }
        merge(f, from);
        if (from.defined && !f.defined) {
            f.defined = true;
            f.where = from.where;
            f.calls = std::move(from.calls);
            f.flows = std::move(from.flows);
            f.switches = from.switches;
            f.dependent = from.dependent;
        }
    }
    for (auto& [key, from] : s.variables) {
        auto [found, is_new] = all_.variables.try_emplace(key);
        if (is_new) {
            found->second = std::move(from);
        } else {
            merge(found->second, from);
        }
    }
}

std::vector<spot> const& program::spots(std::string const& key) const {
    static std::vector<spot> const none;
    auto f = all_.functions.find(key);
    if (f != all_.functions.end()) {
        return f->second.spots;
    }
    auto v = all_.variables.find(key);
    return v == all_.variables.end() ? none : v->second.spots;
}

void program::give(std::string const& key, mark m, std::string const& written_as) {
    auto f = all_.functions.find(key);
    declared& d = f != all_.functions.end() ? f->second : all_.variables.at(key);
    d.marks = d.marks | m;
    d.written_as = written_as;
}

std::vector<finding> program::check(std::vector<std::string> const& strict) const {
    std::vector<finding> found = find_mistakes(all_, strict);
    auto order = [](finding const& f) { return std::tie(f.where, f.what, f.text); };
    std::sort(found.begin(), found.end(), [&](finding const& a, finding const& b) { return order(a) < order(b); });
    // The instances of a template say the same of one line.
    auto same = [](finding const& a, finding const& b) { return a.where == b.where && a.what == b.what; };
    found.erase(std::unique(found.begin(), found.end(), same), found.end());
    return found;
}

}  // namespace weft::check
