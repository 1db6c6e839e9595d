// What becomes of a loop's tasks when it ends: with its thread, or with the program.

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

template <class F>
void on_a_thread(F f) {
    std::thread(f).join();
}

TEST(loop_end_death, with_its_thread_while_a_task_waits) {
    EXPECT_DEATH(on_a_thread([] {
                     weft::spawn({.name = "left behind"}, [] { weft::sleep_for(1h); }).detach();
                     weft::loop::current().run_once(false);
                 }),
                 "weft: a loop ends, with its thread or by itself, while 1 of its tasks have not: .*one is coroutine "
                 "\"left behind\" \\(id [0-9]+, created at .*loop_end_test.cpp:[0-9]+\\): waits for a timer");
}

TEST(loop_end_death, while_a_task_has_not_begun) {
    EXPECT_DEATH(on_a_thread([] {
                     weft::loop mine;
                     weft::spawn({.name = "left behind"}, [] {}).detach();
                 }),
                 "while 1 of its tasks have not: .*one is coroutine \"left behind\"");
}

TEST(loop_end_death, while_a_task_of_a_scope_waits) {
    auto trial = [] {
        on_a_thread([] {
            static weft::scope tasks;
            tasks.spawn({.name = "left behind"}, [] { weft::sleep_for(1h); });
            weft::loop::current().run_once(false);
        });
    };
    EXPECT_DEATH(trial(), "while 1 of its tasks have not: .*one is coroutine \"left behind\"");
}

TEST(loop_end, with_its_thread_when_all_tasks_have_ended) {
    on_a_thread([] {
        auto t = weft::spawn([] { weft::sleep_for(1ns); });
        t.join();
        weft::scope tasks;
        tasks.spawn([] {});
        tasks.join();
    });
}

/// exit() in the way that `f` calls it, while tasks wait, one of them for what a thread does.
template <class F>
void exit_by(F f) {
    static weft::task<void> kept;
    static weft::scope tasks;
    kept = weft::spawn([] { weft::sleep_for(1h); });
    tasks.spawn([] { weft::sleep_for(1h); });
    weft::spawn([] { weft::sleep_for(1h); }).detach();
    f();
    weft::sleep_for(1h);
}

TEST(loop_end_death, by_exit_in_a_task_is_in_order) {
    EXPECT_EXIT(exit_by([] { weft::spawn([] { std::exit(3); }).detach(); }), testing::ExitedWithCode(3), "^$");
}

TEST(loop_end_death, by_exit_in_the_main_task_is_in_order) {
    EXPECT_EXIT(weft::run([] { exit_by([] { std::exit(3); }); }), testing::ExitedWithCode(3), "^$");
}

TEST(loop_end_death, by_exit_in_a_posted_call_is_in_order) {
    EXPECT_EXIT(exit_by([] { weft::loop::current().post([] { std::exit(3); }); }), testing::ExitedWithCode(3), "^$");
}

TEST(loop_end_death, by_exit_outside_the_first_threads_loop_is_in_order) {
    EXPECT_EXIT(exit_by([] { std::exit(3); }), testing::ExitedWithCode(3), "^$");
}

TEST(loop_end_death, by_exit_in_a_task_of_another_thread_is_in_order) {
    EXPECT_EXIT(on_a_thread([] { exit_by([] { weft::spawn([] { std::exit(3); }).detach(); }); }),
                testing::ExitedWithCode(3), "^$");
}

}  // namespace
