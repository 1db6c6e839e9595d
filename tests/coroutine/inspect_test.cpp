// What a program can learn of its own coroutines.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <weft/inspect.hpp>

namespace {

using weft::coroutine;
using weft::coroutine_state;

TEST(inspect, shows_each_state) {
    weft::handle kept;
    coroutine fresh({.name = "fresh"}, [] {});
    coroutine yielded({.name = "yielded"}, [] { weft::yield({"server.cpp", 44}); }, {"server.cpp", 30});
    yielded.enter({"server.cpp", 41});
    coroutine waiting({.name = "waiting"}, [&] { weft::suspend([&](weft::handle h) { kept = std::move(h); }); });
    waiting.enter();
    coroutine done({.name = "done"}, [] {});
    done.enter();
    std::map<std::string, coroutine_state> seen;
    coroutine inner({.name = "inner", .stack_size = 2 * weft::default_stack_size}, [&] {
        weft::for_each_coroutine([&](weft::coroutine_info const& co) {
            seen[co.name] = co.state;
            if (co.name == std::string("yielded")) {
                EXPECT_EQ(co.id, yielded.id());
                EXPECT_EQ(co.created_at.line(), 30U);
                EXPECT_EQ(co.entered_at.line(), 41U);
                EXPECT_EQ(co.suspended_at.line(), 44U);
                EXPECT_EQ(co.waits_for, nullptr);
                EXPECT_EQ(co.stack_size, weft::default_stack_size);
            } else if (co.name == std::string("inner")) {
                EXPECT_EQ(co.stack_size, 2 * weft::default_stack_size);
            }
        });
    });
    coroutine outer({.name = "outer"}, [&] { inner.enter(); });
    EXPECT_EQ(outer.state(), coroutine_state::suspended);
    outer.enter();
    EXPECT_EQ(seen, (std::map<std::string, coroutine_state>{{"fresh", coroutine_state::suspended},
                                                            {"yielded", coroutine_state::suspended},
                                                            {"waiting", coroutine_state::waiting},
                                                            {"done", coroutine_state::done},
                                                            {"inner", coroutine_state::running},
                                                            {"outer", coroutine_state::running}}));
    EXPECT_EQ(waiting.state(), coroutine_state::waiting);
    EXPECT_EQ(outer.state(), coroutine_state::done);
    EXPECT_EQ(coroutine().state(), coroutine_state::done);
    kept.wake();
    waiting.enter();
}

TEST(inspect, may_be_done_while_others_run) {
    std::atomic<bool> stop{false};
    std::jthread busy([&] {
        while (!stop) {
            coroutine co({.name = "busy"}, [] { weft::yield(); });
            co.enter();
            co.enter();
        }
    });
    for (int i = 0; i < 200; ++i) {
        std::size_t count = 0;
        weft::for_each_coroutine([&](weft::coroutine_info const&) { ++count; });
        EXPECT_LE(count, 1U);
    }
    stop = true;
}

}  // namespace
