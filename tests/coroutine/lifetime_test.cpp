// What a coroutine owns, and when it goes.

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

struct counted {
    explicit counted(int& alive) : alive_(&alive) { ++*alive_; }
    counted(counted&& other) noexcept : alive_(other.alive_) { ++*alive_; }
    counted& operator=(counted&&) = delete;
    ~counted() { --*alive_; }

private:
    int* alive_;
};

TEST(lifetime, of_what_the_body_captures_ends_with_the_body) {
    int alive = 0;
    coroutine co([kept = counted(alive)] { weft::yield(); });
    co.enter();
    EXPECT_EQ(alive, 1);
    co.enter();
    EXPECT_EQ(alive, 0);
}

TEST(lifetime, of_what_the_body_captures_ends_when_it_throws) {
    int alive = 0;
    coroutine co([kept = counted(alive)] { throw std::runtime_error("end"); });
    EXPECT_THROW(co.enter(), std::runtime_error);
    EXPECT_EQ(alive, 0);
}

TEST(lifetime, of_what_the_body_captures_ends_when_it_is_unwound) {
    int alive = 0;
    {
        coroutine co([kept = counted(alive)] { weft::yield(); });
        co.enter();
    }
    EXPECT_EQ(alive, 0);
}

TEST(lifetime, of_one_that_never_ran_leaves_nothing) {
    int alive = 0;
    bool ran = false;
    {
        coroutine co([kept = counted(alive), &ran] { ran = true; });
    }
    EXPECT_EQ(alive, 0);
    EXPECT_FALSE(ran);
}

TEST(lifetime, of_one_that_was_woken_and_not_entered_again_ends_by_unwinding) {
    int alive = 0;
    {
        weft::handle kept;
        coroutine co([&] {
            counted here(alive);
            weft::suspend([&](weft::handle h) { kept = std::move(h); });
        });
        co.enter();
        kept.wake();
    }
    EXPECT_EQ(alive, 0);
}

TEST(lifetime, of_three_frames_ends_by_unwinding_each) {
    struct frames {
        static void down(int depth, int& alive) {
            counted here(alive);
            if (depth == 0) {
                weft::yield();
            } else {
                down(depth - 1, alive);
            }
        }
    };
    int alive = 0;
    {
        coroutine co([&] { frames::down(3, alive); });
        co.enter();
        EXPECT_EQ(alive, 4);
    }
    EXPECT_EQ(alive, 0);
}

TEST(lifetime, of_one_that_holds_another_ends_for_both) {
    int alive = 0;
    {
        coroutine outer([&] {
            coroutine inner([&] {
                counted here(alive);
                weft::yield();
            });
            inner.enter();
            weft::yield();
        });
        outer.enter();
        EXPECT_EQ(alive, 1);
    }
    EXPECT_EQ(alive, 0);
}

TEST(lifetime, of_one_that_a_coroutine_holds_ends_inside_that_coroutine) {
    bool inside = false;
    struct asks {
        bool& answer;
        ~asks() { answer = weft::in_coroutine(); }
    };
    coroutine co([&] {
        asks a{inside};
        weft::yield();
    });
    co.enter();
    coroutine holder([held = std::move(co)] {});
    holder.enter();
    EXPECT_TRUE(inside);
}

TEST(lifetime, of_one_with_an_exception_in_hand_ends_by_unwinding) {
    int alive = 0;
    {
        coroutine co([&] {
            counted here(alive);
            try {
                throw counted(alive);
            } catch (counted const&) {
                weft::yield();
            }
        });
        co.enter();
        EXPECT_EQ(alive, 2);
    }
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(std::current_exception(), nullptr);
}

TEST(lifetime, ends_while_the_owner_is_unwound) {
    int alive = 0;
    int uncaught_inside = -1;
    struct looks {
        int& seen;
        ~looks() { seen = std::uncaught_exceptions(); }
    };
    try {
        coroutine co([&] {
            counted here(alive);
            looks l{uncaught_inside};
            weft::yield();
        });
        co.enter();
        throw std::runtime_error("the owner's");
    } catch (std::runtime_error const& e) {
        EXPECT_STREQ(e.what(), "the owner's");
    }
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(uncaught_inside, 1);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST(lifetime, ends_on_another_thread_than_it_ran_on) {
    int alive = 0;
    coroutine co([&] {
        counted here(alive);
        weft::yield();
    });
    co.enter();
    std::thread([mine = std::move(co)]() mutable { coroutine gone = std::move(mine); }).join();
    EXPECT_EQ(alive, 0);
}

TEST(lifetime, may_swallow_the_unwinding_and_return) {
    bool swallowed = false;
    {
        coroutine co([&] {
            try {
                weft::yield();
            } catch (...) {
                swallowed = true;
            }
        });
        co.enter();
    }
    EXPECT_TRUE(swallowed);
}

TEST(lifetime, is_not_unwound_by_a_catch_of_std_exception) {
    bool caught = false;
    {
        coroutine co([&] {
            try {
                weft::yield();
            } catch (std::exception const&) {
                caught = true;
            }
        });
        co.enter();
    }
    EXPECT_FALSE(caught);
}

TEST(body, may_be_a_function) {
    static int runs;
    runs = 0;
    struct f {
        static void run() { ++runs; }
    };
    coroutine co(&f::run);
    co.enter();
    EXPECT_EQ(runs, 1);
}

TEST(body, that_is_an_lvalue_is_copied) {
    int runs = 0;
    auto count = [&runs, own = 0]() mutable {
        ++own;
        runs += own;
    };
    coroutine first(count);
    coroutine second(count);
    first.enter();
    second.enter();
    EXPECT_EQ(runs, 2);
}

TEST(body, may_be_aligned_to_more_than_a_cache_line) {
    struct alignas(512) wide {
        char bytes[512] = {};
    };
    std::uintptr_t remainder = 1;
    coroutine co([w = wide(), &remainder] { remainder = reinterpret_cast<std::uintptr_t>(&w) % 512; });
    co.enter();
    EXPECT_EQ(remainder, 0U);
}

TEST(body, may_take_8_KiB_of_the_smallest_stack) {
    std::array<char, 8'000> large;
    large.fill(7);
    int sum = 0;
    coroutine co({.stack_size = 32 * 1024}, [large, &sum] {
        weft::yield();
        for (char c : large) {
            sum += c;
        }
    });
    co.enter();
    co.enter();
    EXPECT_EQ(sum, 56'000);
}

struct throws_when_moved {
    throws_when_moved() = default;
    throws_when_moved(throws_when_moved&&) { throw std::runtime_error("will not move"); }
    throws_when_moved& operator=(throws_when_moved&&) = delete;
    ~throws_when_moved() = default;
    void operator()() const {}
};

TEST(owner, may_be_moved_by_a_vector_that_grows_while_its_coroutine_runs) {
    std::vector<coroutine> all;
    all.emplace_back([&] {
        for (int i = 0; i < 8; ++i) {
            all.emplace_back([] {});
        }
        weft::yield();
        all.emplace_back([] {});
    });
    all.front().enter();
    EXPECT_FALSE(all.front().done());
    all.shrink_to_fit();
    all.front().enter();
    EXPECT_TRUE(all.front().done());
    EXPECT_EQ(all.size(), 10U);
}

TEST(owner, may_be_moved_while_its_coroutine_runs_and_throws) {
    coroutine other;
    coroutine co([&] {
        other = std::move(co);
        throw std::runtime_error("from another owner");
    });
    EXPECT_THROW(co.enter(), std::runtime_error);
    EXPECT_FALSE(co);
    EXPECT_TRUE(other.done());
}

TEST(body, that_throws_when_it_is_moved_in_leaves_no_coroutine) {
    EXPECT_THROW((void)coroutine{throws_when_moved{}}, std::runtime_error);
    EXPECT_EQ(weft::coroutine_count(), 0U);
}

TEST(moving, leaves_an_empty_one_that_may_be_destroyed) {
    coroutine co([] {});
    coroutine moved = std::move(co);
    EXPECT_FALSE(static_cast<bool>(co));
    EXPECT_FALSE(co.done());
    EXPECT_EQ(co.id(), 0U);
    EXPECT_EQ(co.name(), "");
    EXPECT_TRUE(static_cast<bool>(moved));
}

TEST(moving, a_suspended_one_lets_it_go_on) {
    int steps = 0;
    coroutine co([&] {
        ++steps;
        weft::yield();
        ++steps;
    });
    co.enter();
    std::uint64_t id = co.id();
    coroutine moved = std::move(co);
    EXPECT_EQ(moved.id(), id);
    moved.enter();
    EXPECT_EQ(steps, 2);
    EXPECT_TRUE(moved.done());
}

TEST(moving, the_running_one_lets_it_run_on) {
    bool ended = false;
    coroutine moved;
    coroutine co([&] {
        weft::yield();
        ended = true;
    });
    coroutine mover([&] { moved = std::move(co); });
    co.enter();
    mover.enter();
    moved.enter();
    EXPECT_TRUE(ended);
}

TEST(moving, onto_a_suspended_one_unwinds_that_at_once) {
    bool unwound = false;
    coroutine target([&] {
        std::shared_ptr<void> at_end(nullptr, [&](void*) { unwound = true; });
        weft::yield();
    });
    coroutine source([] {});
    target.enter();
    target = std::move(source);
    EXPECT_TRUE(unwound);
}
TEST(moving, onto_another_leaves_the_source_empty) {
    coroutine target([] {});
    coroutine source([] {});
    target = std::move(source);
    EXPECT_FALSE(static_cast<bool>(source));  // "false after a move"
}

TEST(names, keep_31_bytes) {
    std::string name = "0123456789abcdefghijklmnopqrstuvwxyz";
    coroutine exact({.name = std::string_view(name).substr(0, 31)}, [] {});
    coroutine longer({.name = name}, [] {});
    EXPECT_EQ(exact.name(), name.substr(0, 31));
    EXPECT_EQ(longer.name(), name.substr(0, 31));
}

TEST(names, are_empty_where_none_is_given) {
    coroutine co([] {});
    EXPECT_EQ(co.name(), "");
}

TEST(names, go_with_their_coroutine) {
    {
        coroutine named({.name = "an earlier one"}, [] {});
    }
    coroutine co([] {});  // on the stack of the named one
    EXPECT_EQ(co.name(), "");
}

TEST(names, can_be_taken_away) {
    coroutine co({.name = "reader"}, [] { weft::self().set_name(""); });
    co.enter();
    EXPECT_EQ(co.name(), "");
}

TEST(names, are_seen_from_inside) {
    std::string seen;
    coroutine co({.name = "reader"}, [&] { seen = weft::self().name(); });
    co.enter();
    EXPECT_EQ(seen, "reader");
}

TEST(ids, are_not_used_again_with_the_stack) {
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1'000; ++i) {
        coroutine co([] {});
        EXPECT_NE(co.id(), 0U);
        seen.insert(co.id());
    }
    EXPECT_EQ(seen.size(), 1'000U);
}

TEST(ids, of_several_threads_differ) {
    std::mutex lock;
    std::set<std::uint64_t> seen;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 500; ++i) {
                    coroutine co([] {});
                    std::lock_guard guard(lock);
                    seen.insert(co.id());
                }
            });
        }
    }
    EXPECT_EQ(seen.size(), 2'000U);
}

TEST(self, is_the_innermost_that_runs) {
    std::uint64_t outer_before = 0, outer_after = 0, inner_seen = 0;
    coroutine inner([&] {
        inner_seen = weft::self().id();
        weft::yield();
    });
    coroutine outer([&] {
        outer_before = weft::self().id();
        inner.enter();
        outer_after = weft::self().id();
    });
    outer.enter();
    EXPECT_EQ(outer_before, outer.id());
    EXPECT_EQ(inner_seen, inner.id());
    EXPECT_EQ(outer_after, outer.id());
}

TEST(self, compares_equal_to_itself_alone) {
    bool same = false, other = true;
    coroutine co([&] {
        weft::coroutine_view me = weft::self();
        same = me == weft::self();
        coroutine inner([&] { other = me == weft::self(); });
        inner.enter();
    });
    co.enter();
    EXPECT_TRUE(same);
    EXPECT_FALSE(other);
}

}  // namespace
