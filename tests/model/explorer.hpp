// A small model checker: runs the library's real code in every order that the steps of its threads can come in.
//
//     struct two_that_lock {                          // one execution's world
//         weft::mutex m;
//         model::plain<int> count{0};                 // finds accesses that nothing keeps apart
//         void thread(unsigned) { ... }               // what each thread does
//         void end() { model::expect(count.read() == 2, "each has counted"); }
//     };
//     model::outcome o = model::explore<two_that_lock>({.threads = 2});
//     EXPECT_EQ(o.failure, "") << o.steps;
//
// The threads are contexts of one thread of the system, of which one runs at a time. Before each step on an atomic the
// explorer chooses who goes on; and where the memory model lets a load read something else than the newest value, which
// value it reads. All choices are tried, depth first, up to a number of deviations from the plain course: a preemption is
// one, and so is an older value. A wait that nobody ends, a failed expect(), a data race and a step on a destroyed atomic
// are failures; the choices that lead to one are kept as text, and replay() goes the same way once more.
//
// What is modelled of C++'s memory model: happens-before, coherence, release sequences, and one order of all sequentially
// consistent steps. What is not: a store that becomes visible before one that is older in its thread's order and on the
// same atomic (modification order is the order of execution), values out of thin air, fences, weak failures.

#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <weft/call_site.hpp>

namespace model {

inline constexpr unsigned most_threads = 4;
inline constexpr unsigned outside = most_threads;  ///< The number of the one that makes the world and looks at its end.

/// How far each thread had come, for one of them to know.
using moment = std::array<std::uint32_t, most_threads + 1>;

/// Where code makes a step: `waiter.hpp`, 54.
struct step_place {
    std::string file;
    unsigned line = 0;
    friend auto operator<=>(step_place const&, step_place const&) = default;
};

/// A bug that is put into the library's own code: one of its steps is made otherwise.
struct mutation {
    enum class kind { none, weakened, left_out };
    kind what = kind::none;  ///< Its order is relaxed; or it changes nothing, and says that it did.
    step_place at{};
};

struct bounds {
    unsigned threads = 2;
    unsigned deviations = 3;
    /// The bug that is put into all code at once: what is sequentially consistent is only acquire and release.
    bool without_sequential_consistency = false;
    mutation bug{};
    bool collect_steps = false;  ///< outcome::places is to be filled.
};

/// What a step of the code could be changed into.
struct step_kinds {
    bool ordered = false;  ///< Its order is more than relaxed.
    bool writes = false;
};

struct outcome {
    std::uint64_t executions = 0;
    std::string failure;                        ///< Empty if there was none.
    std::string schedule;                       ///< The choices that led to it, for replay().
    std::string steps;                          ///< What happened on the way, a line a step.
    std::map<step_place, step_kinds> places{};  ///< With bounds::collect_steps: every step of the code.
};

/// What explore() runs again and again.
struct world {
    virtual ~world() = default;
    virtual void run_thread(unsigned number) = 0;
    virtual void at_end() = 0;
};
using world_maker = std::function<std::unique_ptr<world>()>;

outcome explore(bounds const& b, world_maker const& make);
outcome replay(bounds const& b, world_maker const& make, std::string const& schedule);

template <class World>
std::unique_ptr<world> make_world() {
    struct wrapped final : world {
        World w;
        void run_thread(unsigned number) override { w.thread(number); }
        void at_end() override { w.end(); }
    };
    return std::make_unique<wrapped>();
}

template <class World>
outcome explore(bounds const& b = {}) {
    return explore(b, &make_world<World>);
}

template <class World>
outcome replay(bounds const& b, std::string const& schedule) {
    return replay(b, &make_world<World>, schedule);
}

/// Ends the execution with a failure if it does not hold.
void expect(bool holds, char const* what);

// ---- for what stands in the place of the library's parts --------------------------------------------------------------

/// A step is about to be made: another thread may run first.
void step(weft::call_site where);
/// The order of the step as the bounds' bug leaves it.
[[nodiscard]] std::memory_order order_at(weft::call_site where, std::memory_order order, bool writes);
/// Whether the bug leaves out what the step writes.
[[nodiscard]] bool left_out_at(weft::call_site where);
/// What the step did, for the text of a failure.
void note(weft::call_site where, std::string const& what);
[[nodiscard]] bool wants_notes();
/// Which of so many: 0 is the plain course, all else deviates.
[[nodiscard]] unsigned choose(unsigned options);
/// A value was changed: who waits for a change looks again.
void changed();
/// Until another thread has changed something. What this one reads next is the newest value.
void wait_for_a_change();
/// Until wake_all(address).
void sleep_on(void const* address);
void wake_all(void const* address);
[[noreturn]] void fail(std::string const& why);

[[nodiscard]] unsigned running();
/// The number of this execution, of all in the process: what is kept for a thread is that of this one alone.
[[nodiscard]] std::uint64_t execution();
[[nodiscard]] moment& clock_of_running();
[[nodiscard]] bool reads_newest();
[[nodiscard]] bool sequential(std::memory_order order);

}  // namespace model
