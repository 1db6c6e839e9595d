#include "model.hpp"

#include <nlohmann/json.hpp>
#include <set>

namespace weft::check {

char const* word_of(mark m) {
    if (has(m, mark::coroutine)) {
        return "coroutine_fn";
    }
    if (has(m, mark::blocking)) {
        return "no_coroutine_fn";
    }
    return has(m, mark::mixed) ? "coroutine_mixed_fn" : "unmarked function";
}

namespace {

/// The variables that something is called by, or that are passed on to such. What a member holds is called some other time.
std::set<std::string> called_variables(summary const& s) {
    std::set<std::string> called;
    std::map<std::string, std::vector<std::string>> passed_from;
    for (auto const& [key, f] : s.functions) {
        for (call const& c : f.calls) {
            if (c.handed_over()) {
                passed_from[c.handed_to].push_back(c.callee);
            } else if (auto v = s.variables.find(c.callee); v != s.variables.end() && !v->second.member) {
                called.insert(c.callee);
            }
        }
        for (flow const& w : f.flows) {
            passed_from[w.target].push_back(w.source);
        }
    }
    std::vector<std::string> to_do(called.begin(), called.end());
    while (!to_do.empty()) {
        std::string key = std::move(to_do.back());
        to_do.pop_back();
        for (std::string const& from : passed_from[key]) {
            auto v = s.variables.find(from);
            if (v != s.variables.end() && !v->second.member && called.insert(from).second) {
                to_do.push_back(from);
            }
        }
    }
    return called;
}

}  // namespace

void prune(summary& s) {
    std::set<std::string> called = called_variables(s);
    for (auto& [key, f] : s.functions) {
        std::erase_if(f.calls, [&](call const& c) { return c.handed_over() && !called.contains(c.handed_to); });
    }
    // Backwards from what matters to all that reach it.
    std::map<std::string, std::vector<std::string>> reached_from;
    std::vector<std::string> to_do;
    for (auto const& [key, f] : s.functions) {
        for (call const& c : f.calls) {
            reached_from[c.callee].push_back(key);
        }
        for (flow const& w : f.flows) {
            reached_from[w.source].push_back(key);
        }
        if ((!f.system && !f.implicit) || f.lambda || f.marks != mark::none) {
            to_do.push_back(key);
        }
    }
    for (auto const& [key, v] : s.variables) {
        if (!v.system || v.marks != mark::none) {
            to_do.push_back(key);
        }
    }
    std::set<std::string> kept(to_do.begin(), to_do.end());
    while (!to_do.empty()) {
        std::string key = std::move(to_do.back());
        to_do.pop_back();
        for (std::string const& from : reached_from[key]) {
            if (kept.insert(from).second) {
                to_do.push_back(from);
            }
        }
    }
    std::erase_if(s.functions, [&](auto const& entry) { return !kept.contains(entry.first); });
    std::erase_if(s.variables, [&](auto const& entry) { return !kept.contains(entry.first); });
    for (auto& [key, f] : s.functions) {
        std::erase_if(f.calls, [&](call const& c) { return !c.callee.empty() && !kept.contains(c.callee); });
    }
}

// ---- JSON: short names, as there are many of each, and nothing where it is what it is anyway ------------------------------

namespace {

using nlohmann::json;

template <class T>
void put(json& to, char const* name, T const& value) {
    if (value != T{}) {
        to[name] = value;
    }
}

template <class T>
void take(json const& from, char const* name, T& value) {
    if (auto found = from.find(name); found != from.end()) {
        value = found->get<T>();
    }
}

}  // namespace

void to_json(json& j, position const& p) {
    j = json::array({p.file, p.line, p.column});
}
void from_json(json const& j, position& p) {
    p = {j.at(0), j.at(1), j.at(2)};
}

void to_json(json& j, spot const& s) {
    j = json::array({s.file, s.in_front, s.before_name, s.c, s.knows_weft, s.knows_qemu});
}
void from_json(json const& j, spot& s) {
    s = {j.at(0), j.at(1), j.at(2), j.at(3), j.at(4), j.at(5)};
}

void to_json(json& j, call const& c) {
    j = {{"w", c.where}};
    put(j, "f", c.callee);
    put(j, "n", c.name);
    put(j, "t", c.of_type);
    put(j, "s", c.at);
    put(j, "a", c.of_argument);
    put(j, "h", c.handed_to);
}
void from_json(json const& j, call& c) {
    take(j, "w", c.where);
    take(j, "f", c.callee);
    take(j, "n", c.name);
    take(j, "t", c.of_type);
    take(j, "s", c.at);
    take(j, "a", c.of_argument);
    take(j, "h", c.handed_to);
}

void to_json(json& j, flow const& w) {
    j = {{"w", w.where}};
    put(j, "f", w.source);
    put(j, "ft", w.source_of_type);
    put(j, "t", w.target);
    put(j, "n", w.target_name);
    put(j, "tt", w.target_of_type);
    put(j, "s", w.at);
}
void from_json(json const& j, flow& w) {
    take(j, "w", w.where);
    take(j, "f", w.source);
    take(j, "ft", w.source_of_type);
    take(j, "t", w.target);
    take(j, "n", w.target_name);
    take(j, "tt", w.target_of_type);
    take(j, "s", w.at);
}

void to_json(json& j, declared const& d) {
    j = {{"n", d.name}, {"w", d.where}};
    put(j, "m", d.marks);
    put(j, "as", d.written_as);
    put(j, "spots", d.spots);
    put(j, "sys", d.system);
    put(j, "mem", d.member);
}
void from_json(json const& j, declared& d) {
    take(j, "n", d.name);
    take(j, "w", d.where);
    take(j, "m", d.marks);
    take(j, "as", d.written_as);
    take(j, "spots", d.spots);
    take(j, "sys", d.system);
    take(j, "mem", d.member);
}

void to_json(json& j, function const& f) {
    to_json(j, static_cast<declared const&>(f));
    put(j, "lambda", f.lambda);
    put(j, "inst", f.instance);
    put(j, "impl", f.implicit);
    put(j, "def", f.defined);
    put(j, "dep", f.dependent);
    put(j, "sw", f.switches);
    put(j, "virt", f.is_virtual);
    put(j, "main", f.is_main);
    put(j, "of", f.pattern);
    put(j, "over", f.overrides);
    if (!f.calls.empty()) {
        j["calls"] = f.calls;
    }
    if (!f.flows.empty()) {
        j["flows"] = f.flows;
    }
}
void from_json(json const& j, function& f) {
    from_json(j, static_cast<declared&>(f));
    take(j, "lambda", f.lambda);
    take(j, "inst", f.instance);
    take(j, "impl", f.implicit);
    take(j, "def", f.defined);
    take(j, "dep", f.dependent);
    take(j, "sw", f.switches);
    take(j, "virt", f.is_virtual);
    take(j, "main", f.is_main);
    take(j, "of", f.pattern);
    take(j, "over", f.overrides);
    take(j, "calls", f.calls);
    take(j, "flows", f.flows);
}

std::string to_json(summary const& s) {
    return json{{"functions", s.functions}, {"variables", s.variables}}.dump();
}

summary summary_from_json(std::string const& text) {
    json j = json::parse(text);
    summary s;
    s.functions = j.at("functions").get<decltype(s.functions)>();
    s.variables = j.at("variables").get<decltype(s.variables)>();
    return s;
}

}  // namespace weft::check
