// The rules: what is wrong with the marks of a whole program.

#include <algorithm>
#include <bit>
#include <set>

#include "effects.hpp"
#include "join.hpp"

namespace weft::check {

char const* name_of(kind k) {
    switch (k) {
        case kind::unmarked_caller:
            return "weft-unmarked-caller";
        case kind::blocking_call:
            return "weft-blocking-call";
        case kind::lost_mark:
            return "weft-lost-mark";
        case kind::unmarked_mixed:
            return "weft-unmarked-mixed";
        case kind::never_suspends:
            return "weft-never-suspends";
    }
    return "";
}

namespace {

class checker {
public:
    checker(summary const& all, std::vector<std::string> const& strict) : all_(all), effects_(all), strict_(strict) {}

    std::vector<finding> run() {
        for (auto const& [key, f] : all_.functions) {
            for (flow const& w : f.flows) {
                note_kept(w);
            }
        }
        for (auto const& [key, f] : all_.functions) {
            look_at_marks(key, f);
            look_at_overrides(key, f);
            for (call const& c : f.calls) {
                look_at_call(key, f, c);
            }
            for (flow const& w : f.flows) {
                look_at_flow(key, f, w);
            }
            look_whether_it_suspends(key, f);
        }
        return std::move(found_);
    }

private:
    /// Where a function runs, as its mark tells, and as the code around the call does.
    enum class room { in_coroutine, outside, mixed, unmarked, as_called };

    [[nodiscard]] room room_of(std::string const& key, function const& f, situation at) const {
        if (at != situation::open) {
            return at == situation::inside ? room::in_coroutine : room::outside;
        }
        mark m = effects_.marks(key);
        if (has(m, mark::coroutine)) {
            return room::in_coroutine;
        }
        if (has(m, mark::blocking)) {
            return room::outside;
        }
        if (has(m, mark::mixed)) {
            return room::mixed;
        }
        return effects_.transparent(f) ? room::as_called : room::unmarked;
    }

    [[nodiscard]] std::string name(std::string const& key) const {
        function const* f = effects_.find(key);
        if (f != nullptr) {
            return f->name.starts_with("a lambda") || f->name.starts_with("the initializer") ? f->name
                                                                                             : "'" + f->name + "'";
        }
        auto v = all_.variables.find(key);
        return v == all_.variables.end() ? "a function" : "'" + v->second.name + "'";
    }

    [[nodiscard]] declared const* declaration(std::string const& key) const {
        if (function const* f = effects_.find(key)) {
            return f;
        }
        auto v = all_.variables.find(key);
        return v == all_.variables.end() ? nullptr : &v->second;
    }

    /// What in the end needs a coroutine, or blocks: behind lambdas, instances and unmarked functions.
    template <class Why>
    [[nodiscard]] std::string root(std::string key, Why why) const {
        std::set<std::string> seen;
        for (call const* c = why(key); c != nullptr && seen.insert(key).second; c = why(key)) {
            if (c->callee.empty()) {
                return "";
            }
            key = c->callee;
        }
        return key;
    }
    [[nodiscard]] std::string root_of_need(std::string const& key) const {
        return root(key, [this](std::string const& k) { return effects_.why_needs(k); });
    }
    [[nodiscard]] std::string root_of_block(std::string const& key) const {
        return root(key, [this](std::string const& k) { return effects_.why_blocks(k); });
    }

    finding& add(kind what, position const& where, std::string text) {
        found_.push_back({what, where, std::move(text), {}, {}, mark::none, {}});
        return found_.back();
    }

    void note_declaration(finding& f, std::string const& key) const {
        declared const* d = declaration(key);
        if (d != nullptr && d->where.line != 0 && d->where != f.where) {
            f.notes.emplace_back(d->where, name(key) + " is declared here");
        }
    }

    void suggest(finding& f, std::string const& key, mark m, std::string const& like) const {
        declared const* d = declaration(key);
        function const* as_function = effects_.find(key);
        if (d == nullptr || d->spots.empty() || (as_function != nullptr && as_function->is_main)) {
            return;
        }
        f.to_mark = key;
        f.with = m;
        if (declared const* example = declaration(like)) {
            f.written_as = example->written_as;
        }
    }

    /// The key of what bears the mark of this function: a template's pattern for an instance.
    [[nodiscard]] static std::string const& marked_at(std::string const& key, function const& f) {
        return f.pattern.empty() ? key : f.pattern;
    }

    void look_at_marks(std::string const& key, function const& f) {
        if (std::popcount(static_cast<unsigned>(f.marks)) > 1 && !f.system) {
            add(kind::lost_mark, f.where, name(key) + " is declared with different marks");
        }
    }

    // ---- calls

    void look_at_call(std::string const& key, function const& f, call const& c) {
        if (f.system) {
            return;
        }
        room in = room_of(key, f, c.at);
        if (effects_.needs_coroutine(c) && in != room::in_coroutine && !effects_.passes_on(key, f, c)) {
            report_unmarked_caller(key, f, c, in);
        }
        function const* callee = effects_.find(c.callee);
        bool told_within = callee != nullptr && callee->lambda && effects_.why_needs(c.callee) != nullptr;
        if (effects_.blocks(c) && !told_within && !effects_.callers_choice(key, f, c) &&
            (in == room::in_coroutine || in == room::mixed)) {
            report_blocking_call(key, f, c, in);
        }
        bool lambda_without_coroutine = f.lambda && effects_.why_needs(key) != nullptr;
        if (lambda_without_coroutine && effects_.blocks(c) && c.at == situation::open) {
            report_blocking_call(key, f, c, room::in_coroutine);
        }
        if (is_strict(f) && in == room::unmarked && !f.is_main && effects_.waits(c) && !effects_.needs_coroutine(c) &&
            !c.handed_over() && !f.name.starts_with("the initializer")) {
            finding& it = add(kind::unmarked_mixed, c.where,
                              name(key) + " is not marked, and calls coroutine_mixed_fn " + called(c));
            suggest(it, marked_at(key, f), mark::mixed, c.callee);
        }
    }

    [[nodiscard]] std::string called(call const& c) const { return c.callee.empty() ? c.name : name(c.callee); }

    [[nodiscard]] bool is_strict(function const& f) const {
        return std::any_of(strict_.begin(), strict_.end(),
                           [&](std::string const& folder) { return f.where.file.starts_with(folder); });
    }

    /// "from 'f', which is not marked": why a coroutine_fn can't be called there.
    [[nodiscard]] std::string from(std::string const& key, room in, situation at) const {
        if (at == situation::outside) {
            return "where no coroutine runs, in " + name(key);
        }
        switch (in) {
            case room::outside:
                return "from " + name(key) + ", which is a no_coroutine_fn";
            case room::mixed:
                return "from " + name(key) + ", which may run outside a coroutine: ask in_coroutine() first";
            default:
                return "from " + name(key) + ", which is not marked";
        }
    }

    void report_unmarked_caller(std::string const& key, function const& f, call const& c, room in) {
        std::string origin = root_of_need(c.callee);
        function const* callee = effects_.find(c.callee);
        bool derived = effects_.why_needs(c.callee) != nullptr;
        bool through_template = c.handed_over() || (derived && callee != nullptr && !callee->lambda);
        std::string text;
        if (c.handed_over()) {
            text = "coroutine_fn " + name(origin) + " given to a template, which may call it, " + from(key, in, c.at);
        } else if (derived) {
            text = name(c.callee) + " calls coroutine_fn " + name(origin) + ", and is called " + from(key, in, c.at);
        } else {
            text = "coroutine_fn " + called(c) + " called " + from(key, in, c.at);
        }
        finding& it = add(through_template ? kind::lost_mark : kind::unmarked_caller, c.where, std::move(text));
        note_declaration(it, origin);
        if (in == room::unmarked || in == room::as_called) {
            suggest(it, marked_at(key, f), mark::coroutine, origin);
        }
    }

    void report_blocking_call(std::string const& key, function const& f, call const& c, room in) {
        std::string origin = root_of_block(c.callee);
        std::string text;
        if (effects_.why_blocks(c.callee) != nullptr) {
            text = name(c.callee) + " blocks, as it calls no_coroutine_fn " + name(origin) + ", and is called from ";
        } else {
            text = "no_coroutine_fn " + called(c) + " called from ";
        }
        if (in == room::mixed) {
            text += name(key) + ", which may run inside a coroutine: ask in_coroutine() first";
        } else if (c.at == situation::inside) {
            text += name(key) + ", where a coroutine runs";
        } else if (effects_.marks(key) == mark::none) {
            text += name(key) + ", which runs in a coroutine";
        } else {
            text += "coroutine_fn " + name(key);
        }
        position where = c.where;
        if (f.instance && c.of_argument && in == room::in_coroutine) {
            // A template that runs what it is given: told where that is written.
            text = "no_coroutine_fn " + name(origin) + " called in a coroutine, which " + name(key) + " is part of";
            where = cause_of(c.callee, c.where, [this](std::string const& k) { return effects_.why_blocks(k); });
        }
        finding& it = add(kind::blocking_call, where, std::move(text));
        note_declaration(it, origin);
    }

    // ---- functions that are kept for later

    void note_kept(flow const& w) {
        if (has(effects_.marks(w.target) | w.target_of_type, mark::coroutine | mark::mixed)) {
            kept_.insert(w.source);
        }
    }

    [[nodiscard]] static std::string lacking(mark target) {
        return target == mark::none ? ", which is not marked" : std::string(", which is marked ") + word_of(target);
    }

    [[nodiscard]] std::string target_of(flow const& w) const {
        return declaration(w.target) == nullptr ? w.target_name : name(w.target);
    }

    /// The place in the program's own code, outside templates if there is one, that brings it about that `key` needs a
    /// coroutine, or blocks. `otherwise` where it is marked itself.
    template <class Why>
    [[nodiscard]] position cause_of(std::string key, position const& otherwise, Why why) const {
        position where = otherwise;
        std::set<std::string> seen;
        for (call const* c = why(key); c != nullptr && seen.insert(key).second; c = why(key)) {
            function const* f = effects_.find(key);
            if (!f->system) {
                where = c->where;
            }
            if (!f->system && !f->instance) {
                break;
            }
            key = c->callee;
        }
        return where;
    }

    /// Whether a parameter's mark tells what may be given to the template: then mistakes are told where that is given.
    [[nodiscard]] bool governed(std::string const& key, function const& f) const {
        std::string first = key + "#";
        auto v = all_.variables.lower_bound(first);
        return f.instance && v != all_.variables.end() && v->first.starts_with(first) && v->second.marks != mark::none;
    }

    void look_at_flow(std::string const& key, function const& f, flow const& w) {
        mark source = effects_.marks(w.source) | w.source_of_type;
        mark target = effects_.marks(w.target) | w.target_of_type;
        bool needs = has(source, mark::coroutine) || effects_.why_needs(w.source) != nullptr;
        bool blocks = has(source, mark::blocking) || effects_.why_blocks(w.source) != nullptr;
        bool own = !f.system && !f.instance;
        if (needs && !has(target, mark::coroutine) && !governed(key, f)) {
            std::string origin = root_of_need(w.source);
            position where =
                own ? w.where
                    : cause_of(w.source, w.where, [this](std::string const& k) { return effects_.why_needs(k); });
            finding& it =
                add(kind::lost_mark, where,
                    "the mark of coroutine_fn " + name(origin) + " is lost in " + target_of(w) + lacking(target));
            note_declaration(it, w.target);
            if (target == mark::none) {
                suggest(it, w.target, mark::coroutine, origin);
            }
        }
        if (!blocks) {
            return;
        }
        std::string origin = root_of_block(w.source);
        if (has(target, mark::coroutine)) {
            function const* given = effects_.find(w.source);
            bool hidden = !own || (given != nullptr && given->lambda);
            position where =
                hidden ? cause_of(w.source, w.where, [this](std::string const& k) { return effects_.why_blocks(k); })
                       : w.where;
            finding& it = add(kind::blocking_call, where,
                              "no_coroutine_fn " + name(origin) + " called in a coroutine, by way of " + target_of(w));
            note_declaration(it, origin);
        } else if (has(source, mark::blocking) && !has(target, mark::blocking) && own && !is_system(w)) {
            finding& it =
                add(kind::lost_mark, w.where,
                    "the mark of no_coroutine_fn " + name(origin) + " is lost in " + target_of(w) + lacking(target));
            note_declaration(it, w.target);
            if (target == mark::none) {
                suggest(it, w.target, mark::blocking, origin);
            }
        }
    }

    /// What runs on another thread, or at the program's end, is called outside coroutines.
    [[nodiscard]] bool is_system(flow const& w) const {
        declared const* d = declaration(w.target);
        return !w.target.empty() && (d == nullptr || d->system);
    }

    // ---- overrides

    void look_at_overrides(std::string const& key, function const& f) {
        for (std::string const& base_key : f.overrides) {
            function const* base = effects_.find(base_key);
            mark mine = effects_.marks(key);
            mark theirs = effects_.marks(base_key);
            call const* need = effects_.why_needs(key);
            if (need != nullptr && theirs == mark::none && (f.system || f.instance)) {
                report_hidden_override(key, base_key, f);
            } else if (mine == mark::none && theirs != mark::none && !f.system && !f.implicit) {
                finding& it =
                    add(kind::lost_mark, f.where,
                        name(key) + " overrides " + word_of(theirs) + " " + name(base_key) + ", and lacks its mark");
                note_declaration(it, base_key);
                suggest(it, marked_at(key, f), theirs, base_key);
            } else if (!f.system && weakens(mine, theirs, base != nullptr && base->system)) {
                finding& it = add(
                    kind::lost_mark, f.where,
                    std::string(word_of(mine)) + " " + name(key) + " overrides " + name(base_key) + ", " +
                        (theirs == mark::none ? "which is not marked" : std::string("which is a ") + word_of(theirs)));
                note_declaration(it, base_key);
                if (theirs == mark::none && base != nullptr) {
                    suggest(it, marked_at(base_key, *base), mine, key);
                }
            }
        }
    }

    /// Whether a call by way of the base asks for less than the override does.
    [[nodiscard]] static bool weakens(mark mine, mark theirs, bool base_is_the_systems) {
        if (has(mine, mark::coroutine)) {
            return !has(theirs, mark::coroutine);
        }
        return has(mine, mark::blocking) && !has(theirs, mark::blocking) && !base_is_the_systems;
    }

    void report_hidden_override(std::string const& key, std::string const& base_key, function const& f) {
        std::string origin = root_of_need(key);
        position where = cause_of(key, f.where, [this](std::string const& k) { return effects_.why_needs(k); });
        finding& it = add(kind::lost_mark, where,
                          "the mark of coroutine_fn " + name(origin) + " is lost in " + name(key) +
                              ", which overrides a function "
                              "without it");
        note_declaration(it, base_key);
    }

    // ---- hints

    void look_whether_it_suspends(std::string const& key, function const& f) {
        mark m = effects_.marks(key);
        if (!has(m, mark::coroutine | mark::mixed) || !f.defined || f.system || f.instance || f.is_virtual ||
            f.dependent || effects_.can_suspend(key) || kept_.contains(key)) {
            return;
        }
        add(kind::never_suspends, f.where,
            std::string(word_of(m)) + " " + name(key) + " never suspends, nor does what it calls");
    }

    summary const& all_;
    effects const effects_;
    std::vector<std::string> const& strict_;
    std::set<std::string> kept_;  ///< Functions whose mark the pointers that they are kept in ask for.
    std::vector<finding> found_;
};

}  // namespace

std::vector<finding> find_mistakes(summary const& all, std::vector<std::string> const& strict) {
    return checker(all, strict).run();
}

}  // namespace weft::check
