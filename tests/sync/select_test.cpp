// select() on shared_mutex, event, wait_group, latch and condition_variable. (On channels, mutexes, semaphores and queues:
// channel_test.cpp.)

#include <weft/select.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/channel.hpp>
#include <weft/mutex.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

/// All that a select() here waits for; none of it can be had.
struct nothing_to_have {
    weft::shared_mutex for_writing;
    weft::shared_mutex for_reading;
    weft::event manual{weft::event::manual};
    weft::event automatic{weft::event::automatic};
    weft::wait_group group{1};
    weft::latch once{1};
    weft::condition_variable changed;

    nothing_to_have() {
        for_writing.lock_shared();
        for_reading.lock();
    }
    ~nothing_to_have() {
        if (group.count() > 0) {
            group.done();
        }
    }

    /// Makes the thing of that number one that can be had.
    void give(std::size_t number) {
        switch (number) {
            case 0:
                for_writing.unlock_shared();
                break;
            case 1:
                for_reading.unlock();
                break;
            case 2:
                manual.set();
                break;
            case 3:
                automatic.set();
                break;
            case 4:
                group.done();
                break;
            case 5:
                once.count_down();
                break;
            default:
                changed.notify_one();
        }
    }
    static constexpr std::size_t things = 7;

    auto select() {
        return weft::select(weft::when::locked(for_writing), weft::when::locked_shared(for_reading),
                            weft::when::happened(manual), weft::when::happened(automatic), weft::when::all_done(group),
                            weft::when::all_done(once), weft::when::woken(changed));
    }

    /// Lets go of what select() took; for the one that called it.
    void let_go(std::size_t chosen) {
        if (chosen == 0) {
            for_writing.unlock();
        } else if (chosen == 1) {
            for_reading.unlock_shared();
        }
    }
    /// Lets go of what is locked still; for the one that made it.
    void end(std::size_t given) {
        if (given != 0) {
            for_writing.unlock_shared();
        }
        if (given != 1) {
            for_reading.unlock();
        }
    }
};

TEST(select, each_of_these_can_win_when_it_comes_later) {
    for (std::size_t i = 0; i < nothing_to_have::things; ++i) {
        weft::run([i] {
            nothing_to_have all;
            auto selects = weft::spawn([&] {
                std::size_t chosen = all.select().index();
                all.let_go(chosen);
                return chosen;
            });
            weft::yield();
            all.give(i);
            EXPECT_EQ(selects.join(), i);
            all.end(i);
        });
    }
}

TEST(select, each_of_these_is_taken_at_once_when_it_is_there) {
    for (std::size_t i = 0; i + 1 < nothing_to_have::things; ++i) {  // a notification is not kept
        nothing_to_have all;
        all.give(i);
        std::size_t chosen = all.select().index();
        all.let_go(chosen);
        all.end(i);
        EXPECT_EQ(chosen, i);
    }
}

TEST(select, that_took_one_has_taken_nothing_of_these) {
    weft::run([] {
        nothing_to_have all;
        weft::event first(weft::event::automatic);
        auto selects = weft::spawn([&] {
            return weft::select(weft::when::happened(first), weft::when::locked(all.for_writing),
                                weft::when::locked_shared(all.for_reading), weft::when::happened(all.automatic),
                                weft::when::woken(all.changed));
        });
        weft::yield();
        first.set();
        // The select is over, but its task has not run yet: what comes now is not for it.
        all.for_writing.unlock_shared();
        all.for_reading.unlock();
        all.automatic.set();
        EXPECT_EQ(selects.join().index(), 0U);
        EXPECT_TRUE(all.for_writing.try_lock());
        EXPECT_TRUE(all.for_reading.try_lock());
        EXPECT_TRUE(all.automatic.try_wait());
        EXPECT_FALSE(first.try_wait());
        all.for_writing.unlock();
        all.for_reading.unlock();
    });
}

TEST(select, that_is_cancelled_has_taken_nothing_of_these) {
    weft::run([] {
        nothing_to_have all;
        auto selects = weft::spawn([&] { return all.select().index(); });
        weft::yield();
        selects.cancel();
        // It has given up, but has not run yet: what comes now is kept for others.
        all.automatic.set();
        all.for_writing.unlock_shared();
        EXPECT_THROW(selects.join(), std::system_error);
        EXPECT_TRUE(all.automatic.try_wait());
        EXPECT_TRUE(all.for_writing.try_lock());
        all.for_writing.unlock();
        all.end(0);
    });
}

TEST(select, that_was_given_something_and_is_cancelled_then_has_it) {
    for (std::size_t i = 0; i < nothing_to_have::things; ++i) {
        weft::run([i] {
            nothing_to_have all;
            auto selects = weft::spawn([&] {
                std::size_t chosen = all.select().index();
                all.let_go(chosen);
                return chosen;
            });
            weft::yield();
            all.give(i);
            selects.cancel();
            EXPECT_EQ(selects.join(), i);
            all.end(i);
        });
    }
}

TEST(select, takes_a_recursive_mutex_as_often_as_its_holder_asks) {
    weft::run([] {
        weft::recursive_mutex m;
        weft::event never(weft::event::manual);
        auto take = [&] { EXPECT_EQ(weft::select(weft::when::happened(never), weft::when::locked(m)).index(), 1U); };
        take();
        take();
        m.unlock();
        EXPECT_TRUE(m.owned());
        auto waits = weft::spawn([&] {
            take();
            take();
            m.unlock();
            m.unlock();
        });
        weft::yield();
        EXPECT_FALSE(waits.done());
        m.unlock();
        waits.join();
        EXPECT_TRUE(m.try_lock());
        m.unlock();
    });
}

TEST(select_death, of_a_lock_that_the_caller_holds) {
    weft::mutex m;
    weft::shared_mutex s;
    weft::event never(weft::event::manual);
    m.lock();
    s.lock();
    EXPECT_DEATH(weft::select(weft::when::happened(never), weft::when::locked(m, {"server.cpp", 9})),
                 "weft: server.cpp:9: a weft::mutex was locked again by its holder");
    EXPECT_DEATH(weft::select(weft::when::happened(never), weft::when::locked(s)), "locked again by its writer");
    EXPECT_DEATH(weft::select(weft::when::happened(never), weft::when::locked_shared(s)), "locked again by its writer");
    m.unlock();
    s.unlock();
}

TEST(select, of_a_writer_that_gives_up_lets_the_readers_behind_it_in) {
    weft::run([] {
        weft::shared_mutex m;
        weft::event other(weft::event::manual);
        m.lock_shared();
        auto selects =
            weft::spawn([&] { return weft::select(weft::when::locked(m), weft::when::happened(other)).index(); });
        weft::yield();
        EXPECT_FALSE(m.try_lock_shared()) << "a reader passed by a writer that waits in a select";
        auto reads = weft::spawn([&] {
            m.lock_shared();
            m.unlock_shared();
        });
        weft::yield();
        other.set();
        EXPECT_EQ(selects.join(), 1U);
        reads.join();
        m.unlock_shared();
    });
}

TEST(select, of_a_shared_mutex_between_threads_keeps_writers_alone) {
    constexpr int rounds = 2000;
    weft::shared_mutex a;
    weft::shared_mutex b;
    int of_a = 0;  // each guarded by its own
    int of_b = 0;
    auto write = [&] {
        for (int i = 0; i < rounds; ++i) {
            if (weft::select(weft::when::locked(a), weft::when::locked(b)).index() == 0) {
                ++of_a;
                a.unlock();
            } else {
                ++of_b;
                b.unlock();
            }
        }
    };
    std::thread reader([&] {
        for (int i = 0; i < rounds; ++i) {
            if (weft::select(weft::when::locked_shared(b), weft::when::locked_shared(a)).index() == 0) {
                EXPECT_LE(of_b, 2 * rounds);
                b.unlock_shared();
            } else {
                EXPECT_LE(of_a, 2 * rounds);
                a.unlock_shared();
            }
        }
    });
    std::thread writer(write);
    weft::run(write);
    writer.join();
    reader.join();
    EXPECT_EQ(of_a + of_b, 2 * rounds);
}

TEST(select, of_an_automatic_event_between_threads_lets_one_pass_for_each_set) {
    constexpr int rounds = 2000;
    weft::event ask(weft::event::automatic);
    weft::event answer(weft::event::automatic);
    weft::channel<int> unused;
    std::thread other([&] {
        for (int i = 0; i < rounds; ++i) {
            EXPECT_EQ(weft::select(weft::when::received(unused), weft::when::happened(ask)).index(), 1U);
            answer.set();
        }
    });
    weft::run([&] {
        for (int i = 0; i < rounds; ++i) {
            ask.set();
            EXPECT_EQ(weft::select(weft::when::happened(answer), weft::when::received(unused)).index(), 0U);
        }
    });
    other.join();
    EXPECT_FALSE(ask.try_wait() || answer.try_wait());
}

}  // namespace
