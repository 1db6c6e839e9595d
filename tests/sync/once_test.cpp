#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>
#include <vector>
#include <weft/once.hpp>
#include <weft/task.hpp>

namespace {

TEST(once, is_called_by_the_first_while_the_others_wait) {
    weft::run([] {
        weft::once_flag flag;
        int calls = 0, passed = 0;
        weft::scope coroutines;
        for (int i = 0; i < 5; ++i) {
            coroutines.spawn([&] {
                weft::call_once(
                    flag,
                    [&](int n) {
                        weft::yield();
                        EXPECT_EQ(passed, 0);
                        calls += n;
                    },
                    1);
                EXPECT_TRUE(flag.called());
                ++passed;
            });
        }
        coroutines.join();
        EXPECT_EQ(calls, 1);
        EXPECT_EQ(passed, 5);
    });
}

TEST(once, is_called_by_the_next_when_it_threw) {
    weft::run([] {
        weft::once_flag flag;
        int tries = 0, failures = 0;
        weft::scope coroutines;
        for (int i = 0; i < 4; ++i) {
            coroutines.spawn([&] {
                try {
                    weft::call_once(flag, [&] {
                        weft::yield();
                        if (++tries < 3) {
                            throw std::runtime_error("not yet");
                        }
                    });
                } catch (std::runtime_error const&) {
                    ++failures;
                }
            });
        }
        coroutines.join();
        EXPECT_EQ(tries, 3);
        EXPECT_EQ(failures, 2);
    });
}

TEST(once, is_called_by_one_of_many_threads) {
    for (int round = 0; round < 200; ++round) {
        weft::once_flag flag;
        int calls = 0;
        std::vector<std::jthread> team;
        for (int t = 0; t < 4; ++t) {
            team.emplace_back([&] {
                weft::call_once(flag, [&] { ++calls; });
                EXPECT_EQ(calls, 1);
            });
        }
        team.clear();
    }
}

TEST(once_death, called_by_itself) {
    weft::once_flag flag;
    EXPECT_DEATH(weft::call_once(flag, [&] { weft::call_once(flag, [] {}); }), "it would wait for itself for ever");
}

}  // namespace
