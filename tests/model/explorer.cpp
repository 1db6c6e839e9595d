#include "model/explorer.hpp"

#include <cxxabi.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <utility>
#include <vector>
#include <weft/detail/context/context.hpp>
#include <weft/detail/context/sanitizer.hpp>
#include <weft/detail/coroutine/thread.hpp>

namespace model {
namespace {

using weft::detail::exception_globals;

constexpr std::size_t stack_size = 256 * 1024;
constexpr std::uint64_t most_steps = 5000;  // a hundred times what a world takes

enum class doing { runs, waits_for_a_change, sleeps, has_ended };

struct model_thread {
    weft::context::entry_record base;
    weft::context::frame enterer;
    weft::context::sanitizer_fiber fiber;
    weft::context::frame left;
    doing what = doing::has_ended;
    void const* sleeps_on = nullptr;
    bool reads_newest = false;
    bool has_read_old = false;       ///< Since it last waited for a change.
    std::uint64_t changes_seen = 0;  ///< By others, when it last came back from waiting for one.
    std::uint64_t changes = 0;
    moment clock{};
    exception_globals exceptions;
    weft::detail::thread_state state{};
    alignas(64) char stack[stack_size];
};

/// One of the choices of an execution.
struct choice {
    unsigned options;
    unsigned taken;
    bool deviates;  ///< All but the first option.
};

class explorer {
public:
    explorer(bounds const& b, world_maker const& make) : bounds_(b), make_(make) {}

    /// Returns whether it ended well.
    bool execute();
    /// Changes the last choice that there is another option for; false if all were taken.
    bool next();

    unsigned take(unsigned options, bool deviates);
    void let_go_on();
    void end_thread();
    [[noreturn]] void fail(std::string const& why);

    static void body_of_thread(void* base, std::uintptr_t);

    bounds const bounds_;
    world_maker const& make_;
    std::unique_ptr<world> world_;
    std::vector<choice> choices_;
    std::size_t made_ = 0;  ///< How many in this execution.
    unsigned deviations_ = 0;
    std::uint64_t steps_ = 0;
    unsigned running_ = outside;
    unsigned next_ = outside;
    bool keeps_notes_ = false;
    std::string failure_;
    std::ostringstream notes_;
    std::map<step_place, step_kinds> places_;
};

explorer* now = nullptr;
std::uint64_t executions_so_far = 0;
model_thread threads[most_threads + 1];

unsigned explorer::take(unsigned options, bool deviates) {
    if (options == 1 || (deviates && deviations_ >= bounds_.deviations)) {
        return 0;
    }
    if (made_ == choices_.size()) {
        choices_.push_back({options, 0, deviates});
    }
    choice const& c = choices_[made_++];
    if (c.options != options) {
        std::fputs("model: the same choices led elsewhere: the world is not made of steps alone\n", stderr);
        std::abort();
    }
    deviations_ += c.deviates && c.taken != 0 ? 1 : 0;
    return c.taken;
}

bool explorer::next() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().options) {
        choices_.pop_back();
    }
    if (choices_.empty()) {
        return false;
    }
    ++choices_.back().taken;
    return true;
}

exception_globals& exceptions_of_system_thread() {
    return *static_cast<exception_globals*>(static_cast<void*>(abi::__cxa_get_globals()));
}

/// The running thread, which may or may not go on, leaves it to a choice who does.
void explorer::let_go_on() {
    if (running_ == outside) {
        fail("who makes the world, or looks at its end, would wait for ever");
    }
    model_thread& me = threads[running_];
    unsigned ready[most_threads];
    unsigned count = 0;
    bool can_go_on = me.what == doing::runs;
    for (unsigned i = 0; i < bounds_.threads; ++i) {
        unsigned t = (running_ + i) % bounds_.threads;  // who runs comes first: to go on is the plain course
        if (threads[t].what == doing::runs) {
            ready[count++] = t;
        }
    }
    next_ = count == 0 ? outside : ready[take(count, can_go_on)];
    if (next_ == running_) {
        return;
    }
    me.exceptions = exceptions_of_system_thread();
    me.fiber.before_leave(me.what == doing::has_ended);
    weft::context::switch_to(me.left, me.enterer, me.enterer.stack_pointer, 0);
    me.fiber.arrived();
    exceptions_of_system_thread() = me.exceptions;
}

void explorer::body_of_thread(void*, std::uintptr_t) {
    model_thread& me = threads[now->running_];
    me.fiber.arrived();
    exceptions_of_system_thread() = {};
    now->world_->run_thread(now->running_);
    me.what = doing::has_ended;
    now->let_go_on();
}

void explorer::fail(std::string const& why) {
    failure_ = why;
    threads[running_].what = doing::has_ended;
    next_ = outside;
    if (running_ == outside) {
        throw failure_;
    }
    model_thread& me = threads[running_];
    me.fiber.before_leave(true);
    // For ever: what is on its stack is left as it is.
    weft::context::switch_to(me.left, me.enterer, me.enterer.stack_pointer, 0);
    std::abort();
}

/// As of a thread that begins. The stacks that it keeps for coroutines to come stay.
void renew(weft::detail::thread_state& s) {
    s.current = nullptr;
    s.exceptions = &weft::detail::exceptions_not_known_yet;
    s.home = nullptr;
    s.selects = 0;
    std::destroy_at(&s.stop);
    std::construct_at(&s.stop);
}

std::string waiting_threads(unsigned count) {
    std::string text = "nobody goes on:";
    for (unsigned t = 0; t < count; ++t) {
        text += " thread " + std::to_string(t) +
                (threads[t].what == doing::has_ended ? " has ended"
                 : threads[t].what == doing::sleeps  ? " sleeps"
                                                     : " waits for a change") +
                (t + 1 < count ? "," : "");
    }
    return text;
}

bool explorer::execute() {
    ++executions_so_far;
    made_ = 0;
    deviations_ = 0;
    steps_ = 0;
    running_ = outside;
    threads[outside].clock = {};
    threads[outside].clock[outside] = 1;
    renew(threads[outside].state);
    world_ = make_();
    for (unsigned t = 0; t < bounds_.threads; ++t) {
        model_thread& thread = threads[t];
        thread.clock = threads[outside].clock;
        thread.clock[t] = 1;
        thread.what = doing::runs;
        thread.reads_newest = false;
        thread.has_read_old = false;
        thread.changes_seen = 0;
        thread.changes = 0;
        renew(thread.state);
        thread.fiber.create(thread.stack, thread.stack + stack_size);
        weft::context::make(thread.left, thread.base, thread.stack + stack_size, &body_of_thread);
    }
    next_ = take(bounds_.threads, false);
    while (next_ != outside) {
        running_ = next_;
        model_thread& thread = threads[running_];
        thread.fiber.before_enter();
        weft::context::switch_to(thread.enterer, thread.left, thread.left.stack_pointer, 0);
        thread.fiber.after_enter();
    }
    exceptions_of_system_thread() = {};
    running_ = outside;
    for (unsigned t = 0; t < bounds_.threads; ++t) {
        if (failure_.empty() && threads[t].what != doing::has_ended) {
            failure_ = waiting_threads(bounds_.threads);
        }
        threads[t].fiber.destroy(threads[t].stack);
        for (unsigned i = 0; i <= most_threads; ++i) {
            threads[outside].clock[i] = std::max(threads[outside].clock[i], threads[t].clock[i]);
        }
    }
    if (failure_.empty()) {
        try {
            world_->at_end();
        } catch (std::string const&) {  // it is in failure_
        }
    }
    if (!failure_.empty()) {
        (void)world_.release();  // threads that stopped on their way may hold what is in it
        return false;
    }
    world_.reset();
    return true;
}

std::string text_of_choices(std::vector<choice> const& choices) {
    std::string text;
    for (choice const& c : choices) {
        text += std::to_string(c.taken) + '/' + std::to_string(c.options) + (c.deviates ? "d " : " ");
    }
    return text;
}

std::vector<choice> choices_of_text(std::string const& text) {
    std::vector<choice> choices;
    std::istringstream in(text);
    for (std::string word; in >> word;) {
        std::size_t slash = word.find('/');
        choices.push_back({static_cast<unsigned>(std::stoul(word.substr(slash + 1))),
                           static_cast<unsigned>(std::stoul(word)), word.back() == 'd'});
    }
    return choices;
}

/// The library ended the program: says how it came there.
void tell_schedule(int) {
    if (now != nullptr) {
        std::string text = "model: the schedule is " + text_of_choices(now->choices_) + '\n';
        std::fputs(text.c_str(), stderr);
    }
    std::signal(SIGABRT, SIG_DFL);
    std::raise(SIGABRT);
}

}  // namespace

outcome explore(bounds const& b, world_maker const& make) {
    std::signal(SIGABRT, &tell_schedule);
    explorer all(b, make);
    now = &all;
    outcome result;
    bool well;
    do {
        ++result.executions;
        well = all.execute();
    } while (well && all.next());
    now = nullptr;
    result.places = std::move(all.places_);
    if (!well) {
        all.choices_.resize(all.made_);
        std::uint64_t executions = result.executions;
        result = replay(b, make, text_of_choices(all.choices_));
        result.executions = executions;
    }
    return result;
}

outcome replay(bounds const& b, world_maker const& make, std::string const& schedule) {
    explorer once(b, make);
    now = &once;
    once.choices_ = choices_of_text(schedule);
    once.keeps_notes_ = true;
    (void)once.execute();
    now = nullptr;
    return {.executions = 1, .failure = once.failure_, .schedule = schedule, .steps = once.notes_.str()};
}

void expect(bool holds, char const* what) {
    if (!holds) {
        fail(std::string("this does not hold: ") + what);
    }
}

void step(weft::call_site) {
    model_thread& me = threads[running()];
    if (running() != outside) {
        if (++now->steps_ > most_steps) {
            fail("it does not come to an end");
        }
        now->let_go_on();
    }
    ++me.clock[running()];
}

bool wants_notes() {
    return now != nullptr && now->keeps_notes_;
}

step_place call_site_of(weft::call_site where) {
    std::string file = where.file();
    return {file.substr(file.rfind('/') + 1), where.line()};
}

std::memory_order order_at(weft::call_site where, std::memory_order order, bool writes) {
    if (now == nullptr) {
        return order;
    }
    if (now->bounds_.collect_steps) {
        step_kinds& kinds = now->places_[call_site_of(where)];
        kinds.ordered |= order != std::memory_order_relaxed;
        kinds.writes |= writes;
    }
    mutation const& bug = now->bounds_.bug;
    return bug.what == mutation::kind::weakened && bug.at == call_site_of(where) ? std::memory_order_relaxed : order;
}

bool left_out_at(weft::call_site where) {
    return now != nullptr && now->bounds_.bug.what == mutation::kind::left_out &&
           now->bounds_.bug.at == call_site_of(where);
}

void note(weft::call_site where, std::string const& what) {
    step_place at = call_site_of(where);
    now->notes_ << (running() == outside ? "outside" : "thread " + std::to_string(running())) << "  " << at.file << ':'
                << at.line << "  " << what << '\n';
}

unsigned choose(unsigned options) {
    unsigned taken = now == nullptr ? 0 : now->take(options, true);
    threads[running()].reads_newest = false;
    threads[running()].has_read_old |= taken != 0;
    return taken;
}

void changed() {
    for (model_thread& t : threads) {
        if (&t != &threads[running()]) {
            ++t.changes;
            t.what = t.what == doing::waits_for_a_change ? doing::runs : t.what;
        }
    }
}

void wait_for_a_change() {
    model_thread& me = threads[running()];
    // What has changed since it last waited, it may not have seen: then it looks again, if others run or not.
    bool up_to_date = me.changes == me.changes_seen && !std::exchange(me.has_read_old, false);
    me.what = up_to_date ? doing::waits_for_a_change : doing::runs;
    now->let_go_on();
    me.changes_seen = me.changes;
    me.reads_newest = true;
}

void sleep_on(void const* address) {
    model_thread& me = threads[running()];
    me.what = doing::sleeps;
    me.sleeps_on = address;
    now->let_go_on();
}

void wake_all(void const* address) {
    for (model_thread& t : threads) {
        if (t.what == doing::sleeps && t.sleeps_on == address) {
            t.what = doing::runs;
        }
    }
}

void fail(std::string const& why) {
    now->fail(why);
}

std::uint64_t execution() {
    return executions_so_far;
}

unsigned running() {
    return now == nullptr ? outside : now->running_;
}

moment& clock_of_running() {
    return threads[running()].clock;
}

bool reads_newest() {
    return threads[running()].reads_newest;
}

bool sequential(std::memory_order order) {
    return order == std::memory_order_seq_cst && !(now != nullptr && now->bounds_.without_sequential_consistency);
}

}  // namespace model

// ---- the library's parts that touch the system's threads ---------------------------------------------------------------

namespace weft::context {

void* thread_address() {
    return &model::threads[model::running()].state;
}

}  // namespace weft::context
