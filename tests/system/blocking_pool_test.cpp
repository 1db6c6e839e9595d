// What a reactor has threads for: each kind has its own, and what may never return holds up nobody.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <latch>
#include <memory>
#include <thread>
#include <vector>
#include <weft/loop.hpp>
#include <weft/offload.hpp>
#include <weft/reactor.hpp>
#include <weft/task.hpp>

namespace {

/// Waits for a latch.
struct blocking_call {
    explicit blocking_call(int flags) {
        op.flags = flags;
        op.call = [](void* argument) -> std::int64_t {
            auto& c = *static_cast<blocking_call*>(argument);
            c.has_begun.count_down();
            c.may_return.wait();
            return 7;
        };
        op.argument = this;
        op.complete = [](weft::operation& o) noexcept { static_cast<blocking_call*>(o.argument)->complete = true; };
    }

    weft::operation op{.what = weft::operation::kind::call};
    std::latch has_begun{1};
    std::latch may_return{1};
    bool complete = false;
};

TEST(blocking_pool, have_threads_apart_for_what_waits_for_other_machines) {
    weft::run([] {
        weft::reactor& system = weft::loop::current().system();
        std::vector<std::unique_ptr<blocking_call>> look_ups;
        for (int i = 0; i < 200; ++i) {
            look_ups.push_back(std::make_unique<blocking_call>(weft::operation::look_up));
            system.start(look_ups.back()->op);
        }
        EXPECT_EQ(weft::offload([] { return 1; }), 1);
        for (auto& one : look_ups) {
            one->may_return.count_down();
        }
        for (auto& one : look_ups) {
            while (!one->complete) {
                weft::yield();
            }
            EXPECT_EQ(one->op.result, 7);
        }
    });
}

TEST(blocking_pool, that_are_in_a_call_which_may_be_dropped_do_not_hold_up_the_end_of_the_reactor) {
    struct call : blocking_call {
        call() : blocking_call(0) {
            op.drop = [](weft::operation& o) noexcept {
                static_cast<call*>(static_cast<blocking_call*>(o.argument))->dropped.count_down();
            };
        }
        std::latch dropped{1};
    };
    call begun;
    {
        auto reactor = weft::make_reactor();
        reactor->start(begun.op);
        reactor->poll(std::chrono::nanoseconds(0));
        begun.has_begun.wait();
    }
    EXPECT_FALSE(begun.dropped.try_wait());
    begun.may_return.count_down();
    begun.dropped.wait();
    EXPECT_FALSE(begun.complete);
}

TEST(blocking_pool, drop_what_was_never_begun_or_never_completed_with_the_reactor) {
    struct call : blocking_call {
        call() : blocking_call(0) {
            op.drop = [](weft::operation& o) noexcept {
                static_cast<call*>(static_cast<blocking_call*>(o.argument))->dropped = true;
            };
        }
        std::atomic<bool> dropped{false};
    };
    call started;
    call cancelled;
    {
        auto reactor = weft::make_reactor();
        reactor->start(started.op);
        reactor->start(cancelled.op);
        reactor->cancel(cancelled.op);
    }
    EXPECT_TRUE(started.dropped);
    EXPECT_TRUE(cancelled.dropped);
    EXPECT_FALSE(started.complete || cancelled.complete);
}

}  // namespace
