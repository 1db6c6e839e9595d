#include "effects.hpp"

#include <algorithm>

namespace weft::check {

effects::effects(summary const& all) : all_(all) {
    derive();
    find_suspending();
}

function const* effects::find(std::string const& key) const {
    auto found = all_.functions.find(key);
    return found == all_.functions.end() ? nullptr : &found->second;
}

mark effects::marks(std::string const& key) const {
    if (function const* f = find(key)) {
        function const* pattern = find(f->pattern);
        return pattern == nullptr ? f->marks : f->marks | pattern->marks;
    }
    auto found = all_.variables.find(key);
    return found == all_.variables.end() ? mark::none : found->second.marks;
}

bool effects::needs_coroutine(std::string const& key) const {
    return has(marks(key), mark::coroutine) || needing_.contains(key);
}

bool effects::blocks(std::string const& key) const {
    return has(marks(key), mark::blocking) || blocking_.contains(key);
}

bool effects::needs_coroutine(call const& c) const {
    return has(c.of_type, mark::coroutine) || needs_coroutine(c.callee);
}

bool effects::blocks(call const& c) const {
    return !c.handed_over() && (has(c.of_type, mark::blocking) || blocks(c.callee));
}

bool effects::waits(call const& c) const {
    return has(c.of_type | marks(c.callee), mark::coroutine | mark::mixed) || waiting_.contains(c.callee);
}

bool effects::transparent(function const& f) const {
    function const* pattern = find(f.pattern);
    bool unmarked = f.marks == mark::none && (pattern == nullptr || pattern->marks == mark::none);
    return unmarked && (f.lambda || f.instance || f.implicit || f.system);
}

bool effects::callers_choice(std::string const& key, function const& f, call const& c) const {
    return marks(key) == mark::mixed && f.instance && c.of_argument && c.at == situation::open;
}

bool effects::passes_on(std::string const& key, function const& f, call const& c) const {
    if (callers_choice(key, f, c)) {
        return true;
    }
    if (c.at == situation::outside || !transparent(f)) {
        return false;
    }
    // Where a template calls a coroutine_fn whatever its arguments are, it is the template that has to be marked.
    return f.lambda || f.implicit || f.system || c.of_argument || needing_.contains(c.callee);
}

call const* effects::why_needs(std::string const& key) const {
    auto found = needing_.find(key);
    return found == needing_.end() ? nullptr : found->second;
}

call const* effects::why_blocks(std::string const& key) const {
    auto found = blocking_.find(key);
    return found == blocking_.end() ? nullptr : found->second;
}

/// Whether something was found out.
bool effects::derive(std::string const& key, function const& f) {
    bool changed = false;
    auto because = [&](causes& of, call const& c) { changed |= of.emplace(key, &c).second; };
    for (call const& c : f.calls) {
        if (!needing_.contains(key) && c.at == situation::open && passes_on(key, f, c) && needs_coroutine(c)) {
            because(needing_, c);
        }
        bool mine = marks(key) == mark::none || callers_choice(key, f, c);
        if (mine && !blocking_.contains(key) && c.at == situation::open && blocks(c)) {
            because(blocking_, c);
        }
        if (!waiting_.contains(key) && passes_on(key, f, c) && waits(c)) {
            because(waiting_, c);
        }
    }
    return changed;
}

void effects::derive() {
    for (bool changed = true; changed;) {
        changed = false;
        for (auto const& [key, f] : all_.functions) {
            if (marks(key) == mark::none || marks(key) == mark::mixed) {
                changed |= derive(key, f);
            }
        }
    }
}

bool effects::suspends(function const& f) const {
    // What it hands to others may be called before they return.
    bool hands_over = std::any_of(f.flows.begin(), f.flows.end(), [&](flow const& w) {
        return has(w.source_of_type, mark::coroutine) || needs_coroutine(w.source);
    });
    if (hands_over) {
        return true;
    }
    return std::any_of(f.calls.begin(), f.calls.end(), [&](call const& c) {
        if (has(c.of_type, mark::coroutine | mark::mixed) || can_suspend(c.callee)) {
            return true;
        }
        function const* callee = find(c.callee);
        bool marked = has(marks(c.callee), mark::coroutine | mark::mixed);
        return marked && (callee == nullptr || callee->is_virtual);
    });
}

void effects::find_suspending() {
    for (auto const& [key, f] : all_.functions) {
        bool marked = has(marks(key), mark::coroutine | mark::mixed);
        function const* pattern = find(f.pattern);
        bool defined = f.defined || (pattern != nullptr && pattern->defined);
        if (f.dependent || (marked && (!defined || f.switches))) {
            suspending_.emplace(key, true);
        }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (auto const& [key, f] : all_.functions) {
            if (!can_suspend(key) && suspends(f)) {
                changed |= suspending_.emplace(key, true).second;
            }
            if (!f.pattern.empty() && can_suspend(key)) {
                changed |= suspending_.emplace(f.pattern, true).second;
            }
        }
    }
}

}  // namespace weft::check
