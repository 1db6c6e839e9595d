#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

TEST(scope, joins_all_its_tasks) {
    int ended = 0;
    weft::run([&] {
        weft::scope tasks;
        for (int i = 0; i < 10; ++i) {
            tasks.spawn([&, i] {
                for (int turn = 0; turn < i; ++turn) {
                    weft::yield();
                }
                ++ended;
            });
        }
        tasks.join();
        EXPECT_EQ(tasks.size(), 0U);
        EXPECT_EQ(ended, 10);
    });
}

TEST(scope, can_be_joined_when_it_is_empty) {
    weft::run([] {
        weft::scope tasks;
        tasks.join();
    });
}

TEST(scope, can_be_joined_outside_a_coroutine) {
    int ended = 0;
    weft::scope tasks;
    for (int i = 0; i < 3; ++i) {
        tasks.spawn([&] {
            weft::sleep_for(1ms);
            ++ended;
        });
    }
    tasks.join();
    EXPECT_EQ(ended, 3);
}

TEST(scope, can_be_used_again_after_a_join) {
    weft::run([] {
        int ended = 0;
        weft::scope tasks;
        tasks.spawn([&] { ++ended; });
        tasks.join();
        tasks.spawn([&] { ++ended; });
        tasks.join();
        EXPECT_EQ(ended, 2);
    });
}

TEST(scope, a_task_may_spawn_into_its_own_scope) {
    weft::run([] {
        int ended = 0;
        weft::scope tasks;
        tasks.spawn([&] {
            tasks.spawn([&] { ++ended; });
            ++ended;
        });
        tasks.join();
        EXPECT_EQ(ended, 2);
    });
}

TEST(scope, the_first_exception_cancels_the_others_and_is_rethrown) {
    weft::run([] {
        int cancelled = 0;
        weft::scope tasks;
        for (int i = 0; i < 3; ++i) {
            tasks.spawn([&] {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                    ++cancelled;
                    throw;
                }
            });
        }
        tasks.spawn([] {
            weft::yield();
            throw std::runtime_error("first");
        });
        try {
            tasks.join();
            FAIL() << "join() threw nothing";
        } catch (std::runtime_error const& e) {
            EXPECT_STREQ(e.what(), "first");
        }
        EXPECT_EQ(cancelled, 3);
    });
}

TEST(scope, cancel_ends_its_tasks_and_is_no_error) {
    weft::run([] {
        weft::scope tasks;
        tasks.spawn([] { weft::sleep_for(1h); });
        weft::yield();
        tasks.cancel();
        EXPECT_NO_THROW(tasks.join());
    });
}

TEST(scope, destructor_cancels_and_waits) {
    weft::run([] {
        int ended = 0;
        {
            weft::scope tasks;
            for (int i = 0; i < 3; ++i) {
                tasks.spawn([&] {
                    try {
                        weft::sleep_for(1h);
                    } catch (std::system_error const&) {
                    }
                    weft::yield();
                    ++ended;
                });
            }
            weft::yield();
        }
        EXPECT_EQ(ended, 3);
    });
}

TEST(scope, destructor_of_a_cancelled_owner_waits_all_the_same) {
    weft::run([] {
        bool ended = false;
        auto owner = weft::spawn([&] {
            weft::scope tasks;
            tasks.spawn([&] {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                }
                weft::yield();
                ended = true;
            });
            weft::sleep_for(1h);
        });
        weft::yield();
        owner.cancel();
        EXPECT_THROW(owner.join(), std::system_error);
        EXPECT_TRUE(ended);
    });
}

TEST(scope, a_join_that_is_cancelled_cancels_and_waits_and_throws_operation_canceled) {
    weft::run([] {
        bool ended = false;
        auto owner = weft::spawn([&] {
            weft::scope tasks;
            tasks.spawn([&] {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                }
                weft::yield();
                ended = true;
            });
            try {
                tasks.join();
            } catch (std::system_error const& e) {
                return e.code() == std::errc::operation_canceled && ended && tasks.size() == 0;
            }
            return false;
        });
        weft::yield();
        weft::yield();
        owner.cancel();
        EXPECT_TRUE(owner.join());
    });
}

TEST(scope, cancel_reaches_scopes_within_scopes) {
    weft::run([] {
        bool ended = false;
        weft::scope outer;
        outer.spawn([&] {
            weft::scope inner;
            inner.spawn([&] {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                    ended = true;
                }
            });
            inner.join();
        });
        weft::yield();
        weft::yield();
        outer.cancel();
        outer.join();
        EXPECT_TRUE(ended);
    });
}

TEST(scope, counts_the_tasks_that_have_not_ended) {
    weft::run([] {
        weft::scope tasks;
        tasks.spawn([] {});
        tasks.spawn([] { weft::sleep_for(1h); });
        EXPECT_EQ(tasks.size(), 2U);
        weft::yield();
        EXPECT_EQ(tasks.size(), 1U);
        tasks.cancel();
        tasks.join();
        EXPECT_EQ(tasks.size(), 0U);
    });
}

std::vector<std::string> messages(weft::scope const& s) {
    std::vector<std::string> all;
    for (std::exception_ptr const& failure : s.failures()) {
        try {
            std::rethrow_exception(failure);
        } catch (std::exception const& e) {
            all.emplace_back(e.what());
        }
    }
    return all;
}

TEST(scope, all_failures_can_be_had_in_the_order_in_which_they_were_thrown) {
    weft::run([] {
        weft::scope tasks;
        tasks.spawn([] {
            try {
                weft::sleep_for(1h);
            } catch (std::system_error const&) {
                throw std::runtime_error("could not clean up");
            }
        });
        tasks.spawn([] { weft::sleep_for(1h); });  // is only cancelled
        tasks.spawn([] { throw std::out_of_range("far"); });
        tasks.spawn([] { throw std::logic_error("also"); });
        EXPECT_THROW(tasks.join(), std::out_of_range);
        EXPECT_EQ(messages(tasks), (std::vector<std::string>{"far", "also", "could not clean up"}));
    });
}

TEST(scope, failures_are_those_of_the_last_join) {
    weft::run([] {
        weft::scope tasks;
        EXPECT_TRUE(tasks.failures().empty());
        tasks.spawn([] { throw std::out_of_range("far"); });
        EXPECT_THROW(tasks.join(), std::out_of_range);
        tasks.spawn([] {});
        EXPECT_EQ(tasks.failures().size(), 1U);
        tasks.join();
        EXPECT_TRUE(tasks.failures().empty());
    });
}

TEST(scope, what_a_cancelled_task_throws_is_not_lost) {
    weft::run([] {
        weft::scope tasks;
        tasks.spawn([] {
            try {
                weft::sleep_for(1h);
            } catch (std::system_error const&) {
                throw std::runtime_error("could not clean up");
            }
        });
        weft::yield();
        tasks.cancel();
        EXPECT_THROW(tasks.join(), std::runtime_error);
    });
}

}  // namespace
