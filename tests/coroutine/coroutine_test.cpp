#include <gtest/gtest.h>

#include <istream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

#include "../instrumented.hpp"

namespace {

using steps = std::vector<std::string>;

TEST(coroutine, runs_to_its_yield_and_on_from_there) {
    steps seen;
    weft::coroutine co([&] {
        seen.emplace_back("one");
        weft::yield();
        seen.emplace_back("two");
    });
    EXPECT_TRUE(seen.empty());
    co.enter();
    EXPECT_EQ(seen, steps{"one"});
    EXPECT_FALSE(co.done());
    co.enter();
    EXPECT_EQ(seen, (steps{"one", "two"}));
    EXPECT_TRUE(co.done());
}

TEST(coroutine, keeps_its_locals_across_yields) {
    int last = 0;
    weft::coroutine co([&] {
        for (int i = 1; i <= 5; ++i) {
            last = i;
            weft::yield();
        }
    });
    for (int i = 1; i <= 5; ++i) {
        co.enter();
        EXPECT_EQ(last, i);
    }
    co.enter();
    EXPECT_TRUE(co.done());
}

TEST(coroutine, nests) {
    struct nesting {
        static int descend(int depth) {
            if (depth == 0) {
                return 0;
            }
            int below = 0;
            weft::coroutine co({.stack_size = 64 * 1024}, [&] {
                weft::yield();
                below = descend(depth - 1);
            });
            co.enter();
            co.enter();
            EXPECT_TRUE(co.done());
            return below + 1;
        }
    };
    EXPECT_EQ(nesting::descend(128), 128);
}

TEST(coroutine, yields_to_whoever_entered_it_last) {
    steps seen;
    weft::coroutine inner([&] {
        seen.emplace_back("inner 1");
        weft::yield();
        seen.emplace_back("inner 2");
    });
    weft::coroutine outer([&] {
        inner.enter();
        seen.emplace_back("outer");
    });
    outer.enter();
    inner.enter();
    EXPECT_EQ(seen, (steps{"inner 1", "outer", "inner 2"}));
}

TEST(coroutine, knows_whether_it_is_in_one) {
    EXPECT_FALSE(weft::in_coroutine());
    weft::coroutine co([] {
        EXPECT_TRUE(weft::in_coroutine());
        weft::yield();
        EXPECT_TRUE(weft::in_coroutine());
    });
    co.enter();
    EXPECT_FALSE(weft::in_coroutine());
    co.enter();
    EXPECT_FALSE(weft::in_coroutine());
}

TEST(coroutine, bears_a_name_and_an_id) {
    std::uint64_t seen = 0;
    weft::coroutine co({.name = "a name that is longer than thirty-one bytes"}, [&] { seen = weft::self().id(); });
    weft::coroutine other([] {});
    EXPECT_EQ(co.name(), "a name that is longer than thir");
    EXPECT_NE(co.id(), other.id());
    co.enter();
    EXPECT_EQ(seen, co.id());
}

TEST(coroutine, can_rename_itself) {
    weft::coroutine co([] { weft::self().set_name("renamed"); });
    co.enter();
    EXPECT_EQ(co.name(), "renamed");
}

TEST(coroutine, moves) {
    int runs = 0;
    weft::coroutine co([&] { ++runs; });
    weft::coroutine moved = std::move(co);
    EXPECT_FALSE(static_cast<bool>(co));
    moved.enter();
    EXPECT_EQ(runs, 1);
}

TEST(coroutine, throws_out_of_enter_what_its_body_throws) {
    struct thrower {
        static void three_deep(int depth) {
            if (depth == 0) {
                throw std::runtime_error("deep");
            }
            three_deep(depth - 1);
        }
    };
    weft::coroutine co([] {
        weft::yield();
        thrower::three_deep(3);
    });
    co.enter();
    EXPECT_THROW(co.enter(), std::runtime_error);
    EXPECT_TRUE(co.done());
}

struct noted {
    steps& log;
    std::string name;
    ~noted() { log.push_back(name); }
};

TEST(coroutine, unwinds_when_it_is_destroyed_while_suspended) {
    steps log;
    {
        weft::coroutine co([&] {
            noted outer{log, "outer"};
            noted inner{log, "inner"};
            weft::yield();
            log.emplace_back("not reached");
        });
        co.enter();
    }
    EXPECT_EQ(log, (steps{"inner", "outer"}));
}

TEST(coroutine, destroys_what_it_captured_though_it_never_ran) {
    auto shared = std::make_shared<int>();
    std::weak_ptr<int> watch = shared;
    {
        weft::coroutine co([kept = std::move(shared)] { FAIL(); });
    }
    EXPECT_TRUE(watch.expired());
}

TEST(coroutine, destroys_what_it_captured_when_it_ends) {
    auto shared = std::make_shared<int>();
    std::weak_ptr<int> watch = shared;
    weft::coroutine co([kept = std::move(shared)] {});
    co.enter();
    EXPECT_TRUE(watch.expired());
}

TEST(coroutine, lives_many_times_from_the_pool) {
    constexpr int lives = weft_test::how_many(100'000, 2'000);
    int runs = 0;
    for (int i = 0; i < lives; ++i) {
        weft::coroutine co([&] { ++runs; });
        co.enter();
    }
    EXPECT_EQ(runs, lives);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

#if !defined(__SANITIZE_THREAD__)  // its fibers are few
TEST(coroutine, thousands_park_at_once) {
    constexpr std::size_t count = 2'000;  // valgrind looks through all stacks at each switch
    std::vector<weft::coroutine> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back(weft::coroutine_options{.stack_size = 32 * 1024}, [] { weft::yield(); });
        all.back().enter();
    }
    EXPECT_EQ(weft::coroutine_count(), count);
    for (auto& co : all) {
        co.enter();
        EXPECT_TRUE(co.done());
    }
    all.clear();
    EXPECT_EQ(weft::coroutine_count(), 0U);
}
#endif

// ---- exceptions --------------------------------------------------------------------------------------------------------

std::string current_what() {
    try {
        std::rethrow_exception(std::current_exception());
    } catch (std::exception const& e) {
        return e.what();
    }
}

TEST(exceptions, in_hand_stay_with_their_coroutine) {
    auto body = [](std::string const& what) {
        return [what] {
            try {
                throw std::runtime_error(what);
            } catch (std::exception const&) {
                for (int i = 0; i < 3; ++i) {
                    weft::yield();
                    EXPECT_EQ(current_what(), what);
                }
                EXPECT_THROW(throw, std::runtime_error);
            }
        };
    };
    weft::coroutine first(body("first"));
    weft::coroutine second(body("second"));
    while (!first.done() || !second.done()) {
        for (auto* co : {&second, &first}) {
            if (!co->done()) {
                co->enter();
                EXPECT_EQ(std::current_exception(), nullptr);
                EXPECT_EQ(std::uncaught_exceptions(), 0);
            }
        }
    }
}

TEST(exceptions, in_the_enterers_hand_are_not_the_coroutines) {
    weft::coroutine co([] {
        EXPECT_EQ(std::current_exception(), nullptr);
        weft::yield();
        EXPECT_EQ(std::current_exception(), nullptr);
    });
    try {
        throw std::runtime_error("the enterer's");
    } catch (std::exception const&) {
        co.enter();
        EXPECT_EQ(current_what(), "the enterer's");
    }
    co.enter();
    EXPECT_TRUE(co.done());
}

struct yields_when_destroyed {
    int& uncaught;
    ~yields_when_destroyed() {
        weft::yield();
        uncaught = std::uncaught_exceptions();
    }
};

TEST(exceptions, on_their_way_wait_for_a_destructor_that_yields) {
    int uncaught = -1;
    std::string caught;
    weft::coroutine co([&] {
        try {
            yields_when_destroyed y{uncaught};
            throw std::runtime_error("on its way");
        } catch (std::exception const& e) {
            caught = e.what();
        }
    });
    co.enter();
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    co.enter();
    EXPECT_EQ(uncaught, 1);
    EXPECT_EQ(caught, "on its way");
}

TEST(exceptions, in_hand_move_to_another_thread) {
    std::string seen;
    weft::coroutine co([&] {
        try {
            throw std::runtime_error("carried");
        } catch (std::exception const&) {
            weft::yield();
            seen = current_what();
        }
        EXPECT_EQ(std::current_exception(), nullptr);
    });
    co.enter();
    std::thread([&] {
        co.enter();
        EXPECT_EQ(std::current_exception(), nullptr);
    }).join();
    EXPECT_EQ(seen, "carried");
}

// ---- threads -----------------------------------------------------------------------------------------------------------

thread_local int of_the_thread = 0;

[[gnu::noinline]] int& slot_of_the_thread() {
    asm volatile("");
    return of_the_thread;
}

TEST(threads, a_coroutine_goes_on_in_whichever_enters_it) {
    weft::coroutine co([] {
        for (;;) {
            ++slot_of_the_thread();
            weft::yield();
        }
    });
    for (int i = 0; i < 50; ++i) {
        std::thread([&] {
            of_the_thread = 0;
            co.enter();
            EXPECT_EQ(of_the_thread, 1);
            co.enter();
            EXPECT_EQ(of_the_thread, 2);
        }).join();
    }
    EXPECT_EQ(of_the_thread, 0);
    co.enter();  // destroyed here, where it runs last
    of_the_thread = 0;
}

/// What weft itself keeps of the thread must not be kept across a switch, however much is inlined.
TEST(threads, self_is_right_after_each_move) {
    weft::coroutine other([] {
        for (;;) {
            weft::yield();
        }
    });
    weft::coroutine co([&] {
        for (int i = 0; i < 20; ++i) {
            std::uint64_t before = weft::self().id();
            weft::yield();
            EXPECT_EQ(weft::self().id(), before);
            EXPECT_TRUE(weft::in_coroutine());
            other.enter();
            EXPECT_EQ(weft::self().id(), before);
        }
    });
    while (!co.done()) {
        std::thread([&] { co.enter(); }).join();
        EXPECT_FALSE(weft::in_coroutine());
    }
}

// ---- suspend -----------------------------------------------------------------------------------------------------------

TEST(suspend, parks_first_and_then_calls_on_the_enterers_stack) {
    weft::handle kept;
    bool called_outside = false;
    bool resumed = false;
    weft::coroutine co([&] {
        weft::suspend([&](weft::handle h) {
            called_outside = !weft::in_coroutine();
            kept = std::move(h);
        });
        resumed = true;
    });
    co.enter();
    EXPECT_TRUE(called_outside);
    EXPECT_FALSE(resumed);
    kept.wake();
    EXPECT_FALSE(static_cast<bool>(kept));
    co.enter();
    EXPECT_TRUE(resumed);
}

TEST(suspend, may_be_woken_at_once_by_another_thread) {
    for (int i = 0; i < 200; ++i) {
        std::thread waker;
        weft::coroutine co([&] {
            weft::suspend([&](weft::handle h) { waker = std::thread([h = std::move(h)]() mutable { h.wake(); }); });
        });
        co.enter();
        waker.join();
        co.enter();
        EXPECT_TRUE(co.done());
    }
}

// ---- misuse: each ends the program, and says what was wrong, of whom and where ---------------------------------------------

TEST(misuse_death, entering_one_that_runs) {
    EXPECT_DEATH(
        {
            weft::coroutine co;
            co = weft::coroutine({.name = "reader"}, [&] { co.enter(); });
            co.enter();
        },
        "weft: .*coroutine_test.cpp:[0-9]+: coroutine \"reader\" \\(id [0-9]+, created at "
        ".*coroutine_test.cpp:[0-9]+\\) "
        "entered while it is already running; it was entered at .*coroutine_test.cpp:[0-9]+");
}

TEST(misuse_death, entering_one_that_has_ended) {
    EXPECT_DEATH(
        {
            weft::coroutine co([] {});
            co.enter();
            co.enter();
        },
        "entered after it has ended; it was last entered at .*coroutine_test.cpp");
}

TEST(misuse_death, entering_one_that_waits) {
    EXPECT_DEATH(
        {
            weft::handle kept;
            weft::coroutine co([&] { weft::suspend([&](weft::handle h) { kept = std::move(h); }); });
            co.enter();
            co.enter();
        },
        "entered while it waits for a wake-up at .*coroutine_test.cpp");
}

TEST(misuse_death, entering_an_empty_one) {
    EXPECT_DEATH(weft::coroutine().enter(), "coroutine_test.cpp:[0-9]+: enter\\(\\) called on an empty");
}

TEST(misuse_death, yielding_outside) {
    EXPECT_DEATH(weft::yield(), "coroutine_test.cpp:[0-9]+: yield\\(\\) called outside a coroutine");
}

TEST(misuse_death, suspending_outside) {
    EXPECT_DEATH(weft::suspend([](weft::handle) {}), "suspend\\(\\) called outside a coroutine");
}

TEST(misuse_death, self_outside) {
    EXPECT_DEATH((void)weft::self(), "self\\(\\) called outside a coroutine");
}

TEST(misuse_death, waking_with_an_empty_handle) {
    EXPECT_DEATH(weft::handle().wake(), "wake\\(\\) called on a handle");
}

TEST(misuse_death, destroying_one_that_runs) {
    EXPECT_DEATH(
        {
            std::optional<weft::coroutine> co;
            co.emplace([&] { co.reset(); });
            co->enter();
        },
        "destroyed while it is already running");
}

TEST(misuse_death, destroying_one_that_waits) {
    EXPECT_DEATH(
        {
            weft::handle kept;
            weft::coroutine co([&] { weft::suspend([&](weft::handle h) { kept = std::move(h); }); });
            co.enter();
        },
        "destroyed while it waits for a wake-up at .*coroutine_test.cpp");
}

TEST(coroutine, is_unwound_though_a_stream_swallows_the_exception) {
    // A line that comes in pieces: whoever reads it suspends in the middle of std::getline(), which catches everything.
    struct pieces : std::streambuf {
        int_type underflow() override {
            weft::yield();
            return traits_type::eof();
        }
    };
    bool unwound = false;
    {
        weft::coroutine co([&] {
            std::shared_ptr<void> at_end(nullptr, [&](void*) { unwound = true; });
            pieces buffer;
            std::istream in(&buffer);
            std::string line;
            std::getline(in, line);
            weft::yield();
            ADD_FAILURE() << "went on after it was destroyed";
        });
        co.enter();
    }
    EXPECT_TRUE(unwound);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(coroutine, is_unwound_though_several_handlers_swallow_the_exception_and_suspend) {
    int swallowed = 0;
    {
        weft::coroutine co([&] {
            for (int i = 0; i < 100; ++i) {
                try {
                    weft::yield();
                } catch (...) {
                    ++swallowed;
                    try {
                        weft::yield();
                    } catch (...) {
                        ++swallowed;
                    }
                }
            }
        });
        co.enter();
    }
    EXPECT_EQ(swallowed, 200);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(misuse_death, being_destroyed_in_a_destructor_that_suspends) {
    EXPECT_DEATH(
        {
            struct suspends {
                ~suspends() { weft::yield(); }
            };
            weft::coroutine co({.name = "closer"}, [] { suspends at_end; });
            co.enter();
        },
        "coroutine_test.cpp:[0-9]+: coroutine \"closer\" .*destroyed while it was suspended in a destructor or another "
        "noexcept function");
}

TEST(misuse_death, throwing_something_else_while_being_unwound) {
    EXPECT_DEATH(
        {
            weft::coroutine co({.name = "closer"}, [] {
                try {
                    weft::yield();
                } catch (...) {
                    throw std::runtime_error("flush failed");
                }
            });
            co.enter();
        },
        "coroutine \"closer\" .*threw while it was being destroyed, where nobody can catch it: flush failed");
}

TEST(misuse_death, throwing_in_what_suspend_calls) {
    EXPECT_DEATH(
        {
            weft::coroutine co([] { weft::suspend([](weft::handle) { throw std::runtime_error("no connection"); }); });
            co.enter();
        },
        "what was given to weft::suspend\\(\\) threw.*no connection");
}

}  // namespace
