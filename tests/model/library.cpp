// In the place of those files of the library that touch the system's threads: base/atomic.cpp, coroutine/thread.cpp,
// wait/thread_sleep.cpp, task/tasks_of_loop.cpp and the reactors; and what replaced/stop_token declares.

#include <cxxabi.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stop_token>

#include <weft/detail/coroutine/thread.hpp>
#include <weft/loop.hpp>
#include <weft/task.hpp>

#include "coroutine/overflow.hpp"
#include "model/reactor.hpp"
#include "wait/thread_sleep.hpp"
#include "wait/waiting_threads.hpp"

namespace weft::detail {

constinit exception_globals exceptions_not_known_yet{nullptr, 1};

void learn_exception_globals(thread_state& thread) noexcept {
    thread.exceptions = static_cast<exception_globals*>(static_cast<void*>(abi::__cxa_get_globals()));
}

void let_others_run() noexcept {
    model::wait_for_a_change();
}

void wake_thread(atomic<std::uint32_t>& signal, std::uint32_t bit) noexcept {
    signal.fetch_or(bit, std::memory_order_release);
    model::step(weft::call_site::here());
    model::wake_all(&signal);
}

void sleep_thread(atomic<std::uint32_t>& signal, std::uint32_t seen, clock::time_point deadline) noexcept {
    model::expect(deadline == clock::time_point::max(), "time is not modelled: a thread sleeps without a deadline");
    model::step(weft::call_site::here());
    if (signal.newest() == seen) {
        model::sleep_on(&signal);
    }
}

// A world that ends in the middle of a wait, as that of a bug does, leaves nothing behind that the next one would find.
waiting_thread::waiting_thread(char const* what, void const* on, call_site where) noexcept
    : about_{0, what, on, where, {}} {}
waiting_thread::~waiting_thread() = default;
std::vector<waiting_thread::about> waiting_thread::all() {
    return {};
}

tasks_of_loop& tasks_of_this_thread() {
    struct of_one_execution {
        std::uint64_t number = 0;
        std::optional<tasks_of_loop> tasks;
    };
    static std::array<of_one_execution, model::most_threads + 1> all;
    of_one_execution& mine = all[model::running()];
    if (mine.number != model::execution()) {
        mine.number = model::execution();
        mine.tasks.emplace();
    }
    return *mine.tasks;
}

}  // namespace weft::detail

namespace weft {

std::unique_ptr<reactor> make_reactor(std::string_view) {
    return std::make_unique<model::reactor>();
}

std::int64_t reactor::attempt(operation&) noexcept {
    return -EAGAIN;
}

}  // namespace weft

namespace model {

bool shared_stop::request() {
    if (requested.exchange(true, std::memory_order_acq_rel)) {
        return false;
    }
    lock();
    caller = running();
    while (!callbacks.empty()) {
        calls = callbacks.back();
        callbacks.pop_back();
        unlock();
        stop_callback_base* called = calls;
        called->call();
        lock();
        if (calls != nullptr) {  // else it was destroyed by its own call
            calls->called.store(true, std::memory_order_release);
            calls = nullptr;
        }
    }
    unlock();
    return true;
}

bool shared_stop::add(stop_callback_base& c) {
    lock();
    bool added = !requested.load(std::memory_order_acquire);
    if (added) {
        callbacks.push_back(&c);
    }
    unlock();
    return added;
}

void shared_stop::remove(stop_callback_base& c) {
    lock();
    bool was_there = std::erase(callbacks, &c) > 0;
    if (!was_there && calls == &c && caller == running()) {
        calls = nullptr;
        was_there = true;
    }
    unlock();
    while (!was_there && !c.called.load(std::memory_order_acquire)) {
        wait_for_a_change();
    }
}

}  // namespace model
