// Programs with a fault inside a coroutine, for sanitizers and valgrind to find, and without one:
//
//     faults NAME

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <weft/channel.hpp>
#include <weft/coroutine.hpp>
#include <weft/loop.hpp>
#include <weft/task.hpp>

namespace {

int volatile sink;

/// What the compiler does not know to be what it is.
template <class T>
T* laundered(T* p) {
    asm volatile("" : "+r"(p));
    return p;
}

// ---- faults ---------------------------------------------------------------------------------------------------------

[[gnu::noinline]] void fault_use_after_scope() {
    int* kept = nullptr;
    {
        int local = 1;
        kept = laundered(&local);
        weft::yield();
    }
    weft::yield();
    sink = *kept;
}

[[gnu::noinline]] int* address_of_a_local() {
    int local = 1;
    weft::yield();
    return laundered(&local);
}

[[gnu::noinline]] void fault_use_after_return() {
    int const* kept = address_of_a_local();
    weft::yield();
    sink = *kept;
}

[[gnu::noinline]] void fault_array_on_the_stack() {
    char text[16];
    weft::yield();
    std::memset(laundered(&text[0]), 'x', sizeof text + static_cast<std::size_t>(sink) + 1);
    weft::yield();
}

[[gnu::noinline]] void fault_freed_memory() {
    int const* kept = laundered(new int(1));
    weft::yield();
    delete kept;
    sink = *laundered(kept);
}

[[gnu::noinline]] void fault_not_initialised() {
    int* memory = laundered(static_cast<int*>(std::malloc(sizeof(int))));
    weft::yield();
    if (*memory != 0) {
        sink = 1;
    }
    std::free(memory);
}

[[gnu::noinline]] void fault_local_not_initialised() {
    int local;
    int const* kept = laundered(&local);
    weft::yield();
    if (*kept != 0) {
        sink = 1;
    }
}

[[gnu::noinline]] void fault_arithmetic() {
    int large = *laundered(std::make_unique<int>(2147483647).get());
    weft::yield();
    sink = large + 1;
}

[[gnu::noinline]] void fault_lost_memory() {
    *laundered(new int) = 1;
    weft::yield();
}

[[gnu::noinline]] void leave_with_a_local(int const** kept) {
    int local = 1;
    *kept = laundered(&local);
    weft::yield();
    ++*laundered(&local);
}

/// What a coroutine had on its stack, read after it was destroyed.
[[gnu::noinline]] void fault_local_of_a_destroyed_one() {
    int const* kept = nullptr;
    {
        weft::coroutine gone([&] { leave_with_a_local(&kept); });
        gone.enter();
    }
    sink = *laundered(kept);
}

/// What its body had captured, after it has ended; of a stack that its thread does not keep.
[[gnu::noinline]] void fault_capture_of_a_destroyed_one() {
    int const* kept = nullptr;
    {
        weft::coroutine gone({.stack_size = 64 * 1024}, [&kept, own = 1] { kept = laundered(&own); });
        gone.enter();
    }
    sink = *laundered(kept);
}

/// Runs `body` in a coroutine, entered from two functions deep, to its end.
[[gnu::noinline]] void run(void (*body)()) {
    weft::coroutine co(body);
    while (!co.done()) {
        co.enter();
    }
}

int shared;

[[gnu::noinline]] void fault_race() {
    weft::yield();
    ++shared;
}

/// On two threads. From the yield on nothing orders the one after the other.
void run_on_two_threads(void (*body)()) {
    std::latch both_yielded(2);
    auto run_one = [&] {
        weft::coroutine co(body);
        co.enter();
        both_yielded.arrive_and_wait();
        co.enter();
    };
    std::thread other(run_one);
    run_one();
    other.join();
}

// ---- and none -------------------------------------------------------------------------------------------------------

void no_fault() {
    auto memory = std::make_unique<int>(1);
    char text[16];
    weft::yield();
    std::memset(laundered(&text[0]), 'x', sizeof text);
    *memory += text[15];
}

/// std::runtime_error has its text from the C++ library, which MemorySanitizer takes for not written.
struct failure {
    std::string text;
};

[[gnu::noinline]] void throw_after_a_yield() {
    std::string text("thrown, and too long to be kept in place");
    weft::yield();
    throw failure{text};
}

void no_fault_but_exceptions() {
    for (int i = 0; i < 3; ++i) {
        try {
            throw_after_a_yield();
        } catch (failure const& e) {
            weft::yield();
            sink = e.text.find("too long") == std::string::npos ? 1 : 0;
        }
    }
    throw 1;
}

void run_and_catch(void (*body)()) {
    try {
        run(body);
    } catch (int) {
        return;
    }
    std::abort();
}

void run_in_tasks(void (*body)()) {
    weft::run([&] {
        weft::channel<std::string> channel(1);
        auto sender = weft::spawn([&] {
            body();
            (void)channel.send("text that is too long to be kept in place");
            channel.close();
        });
        for (auto const& text : channel) {
            weft::sleep_for(std::chrono::milliseconds(1));
            sink = text.empty() ? 1 : 0;
        }
        sender.join();
    });
}

/// Parks for ever. Only its stack knows the memory.
[[gnu::noinline]] void park_with_memory() {
    int* kept[4] = {};
    laundered(&kept[0])[2] = laundered(new int(1));
    weft::yield();
    ++*laundered(&kept[0])[2];
}

/// Ends the program inside a coroutine, while the stacks of those that wait for it hold memory, and another is parked.
[[noreturn]] void end_inside() {
    weft::coroutine parked(park_with_memory);
    parked.enter();
    int* mine = laundered(new int(1));
    weft::coroutine outer([] {
        auto held = std::make_unique<int>(1);
        weft::coroutine inner([] { std::exit(0); });
        inner.enter();
        sink = *held;
    });
    outer.enter();
    sink = *mine;
    std::abort();
}

}  // namespace

int main(int, char** argv) {
    struct {
        std::string_view name;
        void (*body)();
        void (*runner)(void (*body)()) = run;
    } const all[] = {
        {"use_after_scope", fault_use_after_scope},
        {"use_after_return", fault_use_after_return},
        {"array_on_the_stack", fault_array_on_the_stack},
        {"freed_memory", fault_freed_memory},
        {"not_initialised", fault_not_initialised},
        {"local_not_initialised", fault_local_not_initialised},
        {"arithmetic", fault_arithmetic},
        {"lost_memory", fault_lost_memory},
        {"local_of_a_destroyed_one", fault_local_of_a_destroyed_one},
        {"capture_of_a_destroyed_one", fault_capture_of_a_destroyed_one},
        {"race", fault_race, run_on_two_threads},
        {"none", no_fault},
        {"none_on_two_threads", no_fault, run_on_two_threads},
        {"none_thrown", no_fault_but_exceptions, run_and_catch},
        {"none_in_tasks", no_fault, run_in_tasks},
        {"none_parked", nullptr, [](auto) { end_inside(); }},
    };
    for (auto const& each : all) {
        if (argv[1] != nullptr && each.name == argv[1]) {
            each.runner(each.body);
            std::puts("done");
            return 0;
        }
    }
    return 2;
}
