// What test_trace_attached.py looks at: coroutines that enter each other, yield, wait and are woken, in C++ and in C.

#include <weft/weft.h>

#include <optional>
#include <weft/coroutine.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>

namespace {

void enter_one_that_yields() {
    weft::coroutine inner({.name = "inner"}, [] { weft::yield(); });
    weft::coroutine outer({.name = "outer"}, [&] {
        inner.enter();
        weft::yield();
        inner.enter();
    });
    outer.enter();
    outer.enter();
}

void wake_one_that_waits() {
    std::optional<weft::handle> kept;
    weft::coroutine waiter({.name = "waiter"},
                           [&] { weft::suspend([&](weft::handle h) { kept.emplace(std::move(h)); }); });
    waiter.enter();
    kept->wake();
    waiter.enter();
}

void yield_once(void*) {
    weft_yield();
}

void enter_one_in_c() {
    weft_options options = {"in C", 0, false};
    weft_coroutine* co = weft_create_with(&options, yield_once, nullptr);
    weft_enter(co);
    weft_enter(co);
    weft_destroy(co);
}

void hand_over_a_lock() {
    weft::run([] {
        weft::mutex m;
        m.lock();
        weft::task<void> locker = weft::spawn({.name = "locker"}, [&] { std::scoped_lock lock(m); });
        weft::yield();
        m.unlock();
        locker.join();
    });
}

}  // namespace

int main() {
    enter_one_that_yields();
    wake_one_that_waits();
    enter_one_in_c();
    hand_over_a_lock();
}
