// What test_gdb.py looks at: coroutines in each state, and three nested ones, of which the innermost stops in stop_here().
//
//     parked            on the main thread, whose stack lies above all that is mapped
//     parked thread     on one that is made after the coroutines' stacks were mapped, and so has its own below them

#include <csignal>
#include <string_view>
#include <thread>
#include <weft/coroutine.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>

namespace {

using weft::coroutine;

void keep_frame() {
    asm volatile("");  // what follows a call keeps it from becoming a jump
}

[[gnu::noinline]] void third(int depth) {
    int volatile kept = depth * 111;
    weft::yield();
    (void)kept;
    keep_frame();
}
[[gnu::noinline]] void second(int depth) {
    third(depth + 1);
    keep_frame();
}
[[gnu::noinline]] void first(int depth) {
    second(depth + 1);
    keep_frame();
}

[[gnu::noinline]] void stop_here() {
    keep_frame();
}
[[gnu::noinline]] void inner_body() {
    stop_here();
    keep_frame();
}
[[gnu::noinline]] void enter_inner(coroutine& inner) {
    inner.enter();
    keep_frame();
}
[[gnu::noinline]] void enter_middle(coroutine& middle) {
    middle.enter();
    keep_frame();
}
[[gnu::noinline]] void enter_outer(coroutine& outer) {
    outer.enter();
    keep_frame();
}

[[gnu::noinline]] void wait_for(weft::mutex& m) {
    m.lock();
    m.unlock();
}

/// One of two that wait for each other. With a limit: without one, weft would end the program.
void lock_both(weft::mutex& one, weft::mutex& other) {
    std::scoped_lock lock(one);
    weft::yield();
    if (other.try_lock_for(std::chrono::hours(1))) {
        other.unlock();
    }
}

[[gnu::noinline]] void wait_at_gate(weft::handle& gate) {
    weft::suspend([&](weft::handle h) { gate = std::move(h); });
}

void in_the_loop(coroutine& parked) {
    weft::mutex m;
    weft::handle gate;
    weft::handle second_gate;
    m.lock();
    weft::mutex a;
    weft::mutex b;
    auto left = weft::spawn({.name = "left"}, [&] { lock_both(a, b); });
    auto right = weft::spawn({.name = "right"}, [&] { lock_both(b, a); });
    auto locker = weft::spawn({.name = "locker"}, [&] { wait_for(m); });
    auto at_gate = weft::spawn({.name = "at gate"}, [&] { wait_at_gate(gate); });
    auto woken = weft::spawn({.name = "woken"}, [&] { wait_at_gate(second_gate); });
    auto joiner = weft::spawn({.name = "joiner"}, [&] { at_gate.join(); });
    weft::yield();
    weft::yield();
    second_gate.wake();

    // Stacks of a size are carved upwards: of the three, the middle one's lies lowest, and the inner one's highest. So
    // a walk outwards goes down and up.
    coroutine* entered[2];
    coroutine middle({.name = "middle"}, [&] { enter_inner(*entered[1]); });
    coroutine outer({.name = "outer"}, [&] { enter_middle(*entered[0]); });
    coroutine inner({.name = "inner"}, inner_body);
    entered[0] = &middle;
    entered[1] = &inner;
    enter_outer(outer);

    parked.enter();
    gate.wake();
    m.unlock();
    locker.join();
    joiner.join();
    woken.join();
}

[[gnu::noinline]] void run_loop(coroutine& parked) {
    weft::run([&] { in_the_loop(parked); });
    keep_frame();
}

}  // namespace

int main(int count, char** arguments) {
    coroutine fresh({.name = "fresh"}, [] {});
    coroutine parked({.name = "parked"}, [] { first(1); });
    parked.enter();
    coroutine ended({.name = "ended"}, [] {});
    ended.enter();
    if (count > 1 && arguments[1] == std::string_view("thread")) {
        std::thread([&] { run_loop(parked); }).join();
    } else {
        run_loop(parked);
    }
    return parked.done() ? 0 : 1;
}
