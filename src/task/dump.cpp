// Floor: task

#include <weft/dump.hpp>

#include <algorithm>
#include <cstdio>
#include <map>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "coroutine/misuse.hpp"
#include "coroutine/registry.hpp"
#include "loop/loop_access.hpp"
#include "task/misuse.hpp"
#include "task/own_memory.hpp"

namespace weft {
namespace {

using detail::snapshot;
using detail::state;
using detail::text;

std::string name_of(snapshot const& s) {
    std::string name = s.name[0] == '\0' ? "" : " \"" + std::string(s.name) + '"';
    return "coroutine" + name + " (id " + std::to_string(s.id) + ", created at " + text(s.created_at) + ')';
}

/// What coroutines of other threads wait for may be gone while it is looked at; so the system reads it, which says
/// so where a load would crash.
void const* holder_of(snapshot const& s) {
    void const* holder = nullptr;
    if (s.status == state::waiting && s.holder != nullptr) {
        if (!detail::read_own_memory(&holder, s.holder, sizeof holder)) {
            return nullptr;
        }
    }
    return holder;
}

std::string since(snapshot const& s) {
    if (s.since == 0) {
        return "";
    }
    auto began = clock::time_point(clock::duration(static_cast<clock::rep>(s.since)));
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, " since %.1f s",
                  std::chrono::duration<double>(detail::time_now() - began).count());
    return seconds;
}

std::string doing(snapshot const& s) {
    switch (s.status) {
        case state::waiting: {
            std::ostringstream what;
            what << "waits for " << (s.waits_for == nullptr ? "a wake-up" : s.waits_for);
            if (s.waits_on != nullptr) {
                what << " (" << s.waits_on << ')';
            }
            return what.str() + since(s) + " at " + text(s.suspended_at);
        }
        case state::running:
            return "running, entered at " + text(s.entered_at);
        case state::queued:
            return "queued to run, suspended at " + text(s.suspended_at);
        case state::suspended:
            return "suspended at " + text(s.suspended_at);
        case state::done:
            break;
    }
    return "ended";
}

class graph {
public:
    graph() {
        detail::for_each_block([this](detail::control_block const& co) { all_.emplace_back(co); });
        std::ranges::sort(all_, {}, &snapshot::id);
        for (snapshot const& s : all_) {
            by_block_[s.block] = &s;
        }
        for (snapshot const& s : all_) {
            auto held_by = by_block_.find(holder_of(s));
            next_[&s] = held_by == by_block_.end() ? nullptr : held_by->second;
        }
    }

    [[nodiscard]] std::vector<snapshot> const& all() const { return all_; }

    [[nodiscard]] std::string line(snapshot const& s) const {
        snapshot const* holder = next_.at(&s);
        return name_of(s) + ": " + doing(s) + (holder == nullptr ? "" : ",\n    which " + name_of(*holder) + " holds");
    }

    /// Each has at most one holder, so whoever follows them comes into a circle, or to an end.
    void print_circles(std::ostream& out) const {
        std::map<snapshot const*, int> seen_in;
        int walk = 0;
        for (snapshot const& start : all_) {
            ++walk;
            snapshot const* s = &start;
            for (; s != nullptr && !seen_in.contains(s); s = next_.at(s)) {
                seen_in[s] = walk;
            }
            if (s == nullptr || seen_in[s] != walk) {
                continue;
            }
            out << "deadlock: " << name_of(*s);
            for (snapshot const* other = next_.at(s); other != s; other = next_.at(other)) {
                out << " -> " << name_of(*other);
            }
            out << " -> " << name_of(*s) << '\n';
        }
    }

private:
    std::vector<snapshot> all_;
    std::map<void const*, snapshot const*> by_block_;
    std::map<snapshot const*, snapshot const*> next_;
};

}  // namespace

void dump(std::ostream& out) {
    graph const everyone;
    for (snapshot const& s : everyone.all()) {
        out << everyone.line(s) << '\n';
    }
    std::size_t count = everyone.all().size();
    out << count << " coroutine" << (count == 1 ? "" : "s") << '\n';
    everyone.print_circles(out);
}

namespace detail {

void die_of_tasks_left(loop& l) noexcept {
    std::size_t left = loop_access::as_executor(l).tasks;
    if (left == 0) {
        return;
    }
    std::string message = "a loop ends, with its thread or by itself, while " + std::to_string(left) +
                          " of its tasks have not: cancel and join them before, or leave that to weft::run()";
    graph const everyone;
    auto mine = [&l](snapshot const& s) { return s.home == &loop_access::as_executor(l) && s.status != state::done; };
    auto one = std::ranges::find_if(everyone.all(), mine);
    if (one != everyone.all().end()) {
        message += "; one is " + everyone.line(*one);
    }
    die({}, message);
}

constexpr std::size_t most_reported = 100;

void report_parked(loop& l) noexcept {
    try {
        graph const everyone;
        std::ostringstream out;
        std::size_t parked = 0;
        for (snapshot const& s : everyone.all()) {
            if (s.home == &loop_access::as_executor(l) && s.status == state::waiting && ++parked <= most_reported) {
                out << "  " << everyone.line(s) << '\n';
            }
        }
        if (parked == 0) {
            return;
        }
        if (parked > most_reported) {
            out << "  and " << parked - most_reported << " more: weft::dump() and gdb's weft list show all\n";
        }
        everyone.print_circles(out);
        std::fprintf(stderr,
                     "weft: a loop has nothing to do: unless another thread or a signal handler wakes them, these "
                     "coroutines are parked for ever (weft::run_options turns this message off):\n%s",
                     out.str().c_str());
        std::fflush(stderr);
    } catch (std::exception const&) {  // no memory for a report
    }
}

}  // namespace detail
}  // namespace weft
