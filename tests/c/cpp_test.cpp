// The C headers in C++, and what becomes of exceptions at their border.

#include <weft/weft.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <weft/task.hpp>

#include "block/aio.h"
#include "qemu/coroutine.h"

#include "c/harness.h"

namespace {

int coroutine_fn co_add(int a, int const& b) {
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, WEFT_MILLISECOND / 10);
    return a + b;
}
constexpr weft::co_wrapper<&co_add> add;

std::unique_ptr<std::string> coroutine_fn co_refuse(std::unique_ptr<std::string> what) {
    throw std::runtime_error(*what);
}
constexpr weft::co_wrapper<&co_refuse> refuse;

void coroutine_fn co_nothing() {}
constexpr weft::co_wrapper<&co_nothing> nothing;

void call_all(void* done) {
    CHECK_EQUAL(add(1, 2), 3);
    nothing();
    try {
        (void)refuse(std::make_unique<std::string>("no"));
    } catch (std::runtime_error const& e) {
        CHECK_TEXT(e.what(), "no");
        *static_cast<bool*>(done) = true;
    }
}

LOOP_CASE(W1_the_template_gives_the_same_result_in_both_worlds_and_lets_exceptions_through) {
    bool done = false;
    call_all(&done);
    CHECK(done);
    done = false;
    qemu_coroutine_enter(qemu_coroutine_create(call_all, &done));
    while (!done) {
        aio_poll(qemu_get_current_aio_context(), true);
    }
}

CoMutex mutex;
CoQueue queue;

void wait_in_turn(void* lock) {
    qemu_co_queue_wait(&queue, lock == nullptr ? nullptr : &mutex);
    note("q");
}

CASE(L6_a_lock_of_any_kind_becomes_a_lockable_in_cpp_too) {
    QemuMutex plain;
    qemu_mutex_init(&plain);
    qemu_co_queue_init(&queue);
    auto wait = [](void* lock) {
        QEMU_LOCK_GUARD(static_cast<QemuMutex*>(lock));
        qemu_co_queue_wait(&queue, static_cast<QemuMutex*>(lock));
        note("p");
    };
    qemu_coroutine_enter(qemu_coroutine_create(wait, &plain));
    qemu_coroutine_enter(qemu_coroutine_create(wait_in_turn, nullptr));
    CHECK(qemu_co_enter_next(&queue, nullptr));
    qemu_mutex_lock(&plain);
    CHECK(qemu_co_enter_next(&queue, &plain.lock));
    qemu_mutex_unlock(&plain);
    CHECK_TEXT(notes, "pq");
}

void throw_something(void*) {
    throw std::runtime_error("out of luck");
}

int throw_from_a_task(void*) {
    throw std::runtime_error("out of luck");
}

CASE(an_exception_that_reaches_a_c_function_ends_the_program_with_a_message) {
    char const* const words[] = {"weft: an exception (out of luck) has reached a C function of weft's", nullptr};
    CHECK(dies([] { weft_enter(weft_create(throw_something, nullptr)); }, words));
    CHECK(dies([] { weft_run(throw_from_a_task, nullptr); }, words));
    CHECK(dies([] { weft_offload(throw_something, nullptr); }, words));
    CHECK(dies([] { qemu_coroutine_enter(qemu_coroutine_create(throw_something, nullptr)); }, words));
    CHECK(dies(
        [] {
            weft_post(weft_current_loop(), throw_something, nullptr);
            weft_run_once(false);
        },
        words));
    CHECK(dies(
        [] {
            weft_coroutine* co = weft_create(
                [](void*) {
                    weft_defer(throw_something, nullptr);
                    weft_yield();
                },
                nullptr);
            weft_enter(co);
            weft_destroy(co);
        },
        words));
}

CASE(a_cpp_coroutine_that_is_suspended_in_a_c_function_can_not_be_unwound) {
    CHECK_DIES(
        [] {
            weft::coroutine co([] { weft_yield(); });
            co.enter();
        },
        "cpp_test.cpp:", "was destroyed while it is suspended in a C function");
}

CASE(a_task_that_has_yielded_can_not_be_entered_from_c) {
    CHECK_DIES(
        [] {
            weft::run([] {
                weft_coroutine* yielding = nullptr;
                weft::task<void> other = weft::spawn({.name = "other"}, [&] {
                    yielding = weft_self();
                    for (;;) {
                        weft::yield();
                    }
                });
                weft::yield();
                weft::yield();
                weft_enter(yielding);
            });
        },
        "cpp_test.cpp:", "coroutine \"other\"", "entered while it is queued to run on its loop");
}

CASE(c_functions_and_cpp_functions_work_in_each_others_coroutines) {
    int result = weft_run(
        [](void*) {
            weft::task<int> task = weft::spawn([] {
                weft_mutex m = WEFT_MUTEX_INIT;
                CHECK_EQUAL(weft_mutex_lock(&m), 0);
                weft_sleep(0);
                weft_mutex_unlock(&m);
                weft_mutex_destroy(&m);
                return weft_self() != nullptr ? 42 : 0;
            });
            return task.join();
        },
        nullptr);
    CHECK_EQUAL(result, 42);
}

}  // namespace
