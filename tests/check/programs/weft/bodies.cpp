// The library's own headers: who runs what in a coroutine is told by their marks.
#include <functional>
#include <mutex>
#include <weft/channel.hpp>
#include <weft/generator.hpp>
#include <weft/mutex.hpp>
#include <weft/offload.hpp>
#include <weft/runtime.hpp>
#include <weft/task.hpp>

namespace {

WEFT_COROUTINE_FN void step() { weft::yield(); }

void helper() {
    weft::yield();  // expect: weft-unmarked-caller
}

struct body {
    WEFT_COROUTINE_FN void operator()() const { weft::yield(); }
};

void right() {
    weft::coroutine co([] { step(); });
    weft::coroutine named(weft::coroutine_options{.name = "named"}, [] { step(); });
    weft::coroutine by_address(step);
    weft::coroutine by_functor(body{});
    co.enter();
    weft::task<void> t = weft::spawn([] { weft::yield(); });
    weft::task<void> u = weft::spawn(step);
    weft::scope all;
    all.spawn([] { weft::suspend([](weft::handle h) { h.wake(); }); });
    all.spawn(step);
    all.spawn(std::bind(step));
    all.spawn([mine = std::move(t)]() mutable { mine.join(); });
    weft::generator<int> numbers([](auto& yield) { yield(1); });
    weft::runtime rt(1);
    rt.spawn([] { step(); });
    rt.spawn_on(0, step);
    rt.run([] { step(); });
    all.join();
    u.join();
}

void wrong(weft::mutex& m) {
    std::lock_guard guard(m);
    step();  // expect: weft-unmarked-caller
    weft::coroutine co(helper);
    weft::scope all;
    all.spawn([] {
        weft::run([] {});  // expect!: weft-blocking-call
    });
    weft::offload([] {  // expect!: weft-lost-mark
        step();
    });
    weft::loop::current().post([] {  // expect!: weft-lost-mark
        weft::yield();
    });
    weft::suspend([](weft::handle h) {  // expect: weft-unmarked-caller
        h.wake();
    });
}

}  // namespace

int main() {
    right();
    weft::mutex m;
    wrong(m);  // after fix: weft-unmarked-caller
    return weft::run([] {
        step();
        return 0;
    });
}
