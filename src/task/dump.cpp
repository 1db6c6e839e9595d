// Floor: task

#include <weft/dump.hpp>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ostream>
#include <span>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

#include "coroutine/misuse.hpp"
#include "coroutine/registry.hpp"
#include "loop/loop_access.hpp"
#include "sync/select_wait.hpp"
#include "task/misuse.hpp"
#include "task/own_memory.hpp"
#include "wait/waiting_threads.hpp"

namespace weft {
namespace {

using detail::snapshot;
using detail::state;
using detail::text;

std::string name_of(snapshot const& s) {
    std::string name = s.name[0] == '\0' ? "" : " \"" + std::string(s.name) + '"';
    return "coroutine" + name + " (id " + std::to_string(s.id) + ", created at " + text(s.created_at) + ')';
}

/// Of one that waits. What coroutines of other threads wait for may be gone while it is looked at; so the system reads it,
/// which says so where a load would crash.
void const* holder_of(snapshot const& s) {
    void const* holder = nullptr;
    bool read = s.holder != nullptr && detail::read_own_memory(&holder, s.holder, sizeof holder);
    return read ? holder : nullptr;
}

/// The scope that it is a task of. It lies on the coroutine's stack, whose memory stays; another thread may write it.
__attribute__((no_sanitize("thread"))) scope const* scope_of(snapshot const& s) {
    if (s.status == state::done || s.at_end != &detail::at_end_of_task || s.maker_data == nullptr) {
        return nullptr;
    }
    return *const_cast<scope* const volatile*>(&static_cast<detail::task_state const*>(s.maker_data)->owner);
}

std::string for_how_long(clock::time_point began) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, " for %.1f s",
                  std::chrono::duration<double>(detail::time_now() - began).count());
    return seconds;
}

std::string for_how_long(snapshot const& s) {
    return s.since == 0 ? "" : for_how_long(clock::time_point(clock::duration(static_cast<clock::rep>(s.since))));
}

std::string thing(char const* what, void const* on) {
    std::ostringstream text;
    text << what;
    if (on != nullptr) {
        text << " (" << on << ')';
    }
    return text.str();
}

/// What others' memory holds at an address, if it is there. A load would crash where it is not.
template <class T>
bool read(T& to, T const* from) {
    auto bytes = std::as_writable_bytes(std::span(&to, 1));
    return from != nullptr && detail::read_own_memory(bytes.data(), from, bytes.size());
}

/// A string that may have gone: without what lies on a page that is not there.
std::string read_text(char const* from) {
    constexpr std::size_t longest = 64, piece = 16;
    std::string text;
    char bytes[piece];
    while (text.size() < longest) {
        auto at = reinterpret_cast<std::uintptr_t>(from + text.size());
        std::size_t count = piece - at % piece;
        if (!detail::read_own_memory(bytes, from + text.size(), count)) {
            break;
        }
        std::size_t length = strnlen(bytes, count);
        text.append(bytes, length);
        if (length < count) {
            break;
        }
    }
    return text;
}

/// The cases of a select. It is on the stack of one that may run on another thread meanwhile: then what was read is nothing,
/// which the caller finds out.
std::string cases_of(void const* select) {
    constexpr std::size_t most_cases = 64;
    std::span<detail::select_case* const> cases;
    if (!read(cases, &static_cast<detail::select_wait const*>(select)->cases)) {
        return "";
    }
    std::string text;
    for (std::size_t i = 0; i < std::min(cases.size(), most_cases); ++i) {
        detail::select_case* one = nullptr;
        char const* what = nullptr;
        void const* on = nullptr;
        if (!read(one, cases.data() + i) || one == nullptr || !read(what, &one->waits_for) ||
            !read(on, &one->waits_on)) {
            return "";
        }
        text += (i == 0 ? ": " : ", or ") + thing(read_text(what).c_str(), on);
    }
    return text;
}

/// Where it waits for several things: which.
std::string cases(snapshot const& s) {
    if (s.waits_for != detail::waits_for_select) {
        return "";
    }
    std::string text = cases_of(s.waits_on);
    snapshot const now(*s.block);
    bool waits_still =
        now.status == state::waiting && now.id == s.id && now.waits_on == s.waits_on && now.waits_for == s.waits_for;
    return waits_still ? text : "";
}

std::string cases(detail::waiting_thread::about const& t) {
    if (t.what != detail::waits_for_select) {
        return "";
    }
    std::string text = cases_of(t.on);
    auto waits_still = [&t](auto const& now) {
        return now.thread == t.thread && now.on == t.on && now.since == t.since;
    };
    return std::ranges::any_of(detail::waiting_thread::all(), waits_still) ? text : "";
}

std::string doing(snapshot const& s) {
    switch (s.status) {
        case state::waiting: {
            char const* what = s.waits_for == nullptr ? "a wake-up" : s.waits_for;
            return "waits for " + thing(what, s.waits_on) + cases(s) + for_how_long(s) + " at " + text(s.suspended_at);
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

/// Who waits for whom. A coroutine goes on only when all whom it waits for have done their part: let go of the lock, or,
/// where tasks are joined, ended.
class graph {
public:
    graph() {
        detail::for_each_block([this](detail::control_block const& co) { all_.emplace_back(co); });
        std::ranges::sort(all_, {}, &snapshot::id);
        std::unordered_map<void const*, std::vector<std::size_t>> tasks_of;  // each scope
        for (std::size_t i = 0; i < all_.size(); ++i) {
            by_block_[all_[i].block] = i;
            if (scope const* owner = scope_of(all_[i]); owner != nullptr) {
                tasks_of[owner].push_back(i);
            }
        }
        for (snapshot const& s : all_) {
            edges& mine = edges_.emplace_back();
            if (s.status != state::waiting) {
                continue;
            }
            mine.holder = holder_of(s);
            if (auto one = by_block_.find(mine.holder != nullptr ? mine.holder : s.waits_on); one != by_block_.end()) {
                mine.to = {one->second};
            } else if (auto tasks = tasks_of.find(s.waits_on); tasks != tasks_of.end()) {
                mine.to = tasks->second;
            }
        }
    }

    [[nodiscard]] std::vector<snapshot> const& all() const { return all_; }

    [[nodiscard]] std::string line(snapshot const& s) const {
        std::size_t number = by_block_.at(s.block);
        return name_of(s) + ": " + doing(s) + whom(edges_[number]);
    }

    /// Goes along each edge once, the last ways first: an edge that leads back to one on the way closes a circle.
    void print_circles(std::ostream& out) const {
        enum class seen : char { no, on_the_way, yes };
        struct step {
            std::size_t who;
            std::size_t tried = 0;  ///< How many of its edges.
        };
        std::vector<seen> state(all_.size(), seen::no);
        std::vector<step> way;
        auto go_to = [&](std::size_t who) {
            state[who] = seen::on_the_way;
            way.push_back({who});
        };
        for (std::size_t start = 0; start < all_.size(); ++start) {
            if (state[start] == seen::no) {
                go_to(start);
            }
            while (!way.empty()) {
                step& last = way.back();
                if (last.tried == edges_[last.who].to.size()) {
                    state[last.who] = seen::yes;
                    way.pop_back();
                    continue;
                }
                std::size_t next = edges_[last.who].to[last.tried++];
                if (state[next] == seen::no) {
                    go_to(next);
                } else if (state[next] == seen::on_the_way) {
                    out << "deadlock: ";
                    for (auto s = std::ranges::find(way, next, &step::who); s != way.end(); ++s) {
                        out << name_of(all_[s->who]) << " -> ";
                    }
                    out << name_of(all_[next]) << '\n';
                }
            }
        }
    }

private:
    struct edges {
        void const* holder = nullptr;
        std::vector<std::size_t> to;
    };

    [[nodiscard]] std::string whom(edges const& e) const {
        constexpr std::size_t most_named = 5;
        if (e.to.empty()) {
            bool by_thread = e.holder != nullptr && detail::coroutine_at(e.holder) == nullptr;
            return by_thread ? ",\n    which a thread holds" : "";
        }
        if (e.holder != nullptr) {
            return ",\n    which " + name_of(all_[e.to.front()]) + " holds";
        }
        std::string text = ",\n    until the end of ";
        for (std::size_t i = 0; i < std::min(e.to.size(), most_named); ++i) {
            text += (i == 0 ? "" : ", ") + name_of(all_[e.to[i]]);
        }
        return text + (e.to.size() > most_named ? " and " + std::to_string(e.to.size() - most_named) + " more" : "");
    }

    std::vector<snapshot> all_;
    std::unordered_map<void const*, std::size_t> by_block_;
    std::vector<edges> edges_;  ///< Of each.
};

}  // namespace

void dump(std::ostream& out) {
    graph const everyone;
    for (snapshot const& s : everyone.all()) {
        out << everyone.line(s) << '\n';
    }
    auto const threads = detail::waiting_thread::all();
    for (auto const& t : threads) {
        out << "thread " << t.thread << ": waits for " << thing(t.what, t.on) << cases(t) << for_how_long(t.since)
            << " at " << text(t.where) << '\n';
    }
    std::size_t count = everyone.all().size();
    out << count << " coroutine" << (count == 1 ? "" : "s");
    if (!threads.empty()) {
        out << ", and " << threads.size() << " thread" << (threads.size() == 1 ? "" : "s") << " that wait"
            << (threads.size() == 1 ? "s" : "");
    }
    out << '\n';
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
