// What goes from thread to loop as it stands, in every order of its steps: wake-ups, posted calls, stop requests, grants
// to coroutines that are cancelled at that moment, and selects.

#include <gtest/gtest.h>

#include <weft/channel.hpp>
#include <weft/event.hpp>
#include <weft/loop.hpp>
#include <weft/mutex.hpp>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/task.hpp>

#include "model/finds_nothing.hpp"
#include "model/reactor.hpp"

namespace {

using model::finds_nothing;

/// Runs `body` as a task on a loop of this thread, which ends with it.
template <class Body>
void on_a_loop(Body body) {
    weft::loop here(std::make_unique<model::reactor>());
    weft::scope all;
    all.spawn([&] { body(all); });
    all.join();
}

// ---- wake ---------------------------------------------------------------------------------------------------------------

struct woken_from_elsewhere {
    weft::event happened{weft::event::manual};
    model::plain<int> data{0};
    void thread(unsigned me) {
        if (me == 0) {
            on_a_loop([this](weft::scope&) {
                happened.wait();
                model::expect(data.read() == 1, "what came before the wake-up is there");
            });
        } else {
            data.write(1);
            happened.set();
        }
    }
    void end() {}
};

TEST(wake, from_another_thread_is_never_lost) {
    finds_nothing<woken_from_elsewhere>({.threads = 2, .deviations = 6});
}

struct two_wake {
    weft::semaphore units{2};
    two_wake() { (void)units.try_acquire(2); }
    void thread(unsigned me) {
        if (me == 0) {
            on_a_loop([this](weft::scope& all) {
                all.spawn([this] { units.acquire(); });
                units.acquire();
            });
        } else {
            units.release();
        }
    }
    void end() { model::expect(units.available() == 0, "each unit was given once"); }
};

TEST(wake, from_two_threads_wakes_both) {
    finds_nothing<two_wake>({.threads = 3, .deviations = 2});
}

struct handed_between_loops {
    weft::mutex m;
    model::plain<int> inside{0};
    void thread(unsigned) {
        on_a_loop([this](weft::scope&) {
            m.lock();
            inside.write(inside.read() + 1);
            m.unlock();
        });
    }
    void end() { model::expect(m.try_lock(), "the lock is free at the end"), m.unlock(); }
};

TEST(mutex, is_handed_over_between_two_loops) {
    finds_nothing<handed_between_loops>({.threads = 2, .deviations = 5});
}
TEST(mutex, is_handed_over_among_three_loops) {
    finds_nothing<handed_between_loops>({.threads = 3, .deviations = 2});
}

// ---- post ---------------------------------------------------------------------------------------------------------------

/// The last of what is posted lets the loop end, while its poster may still be about to notify() it.
template <int Posters>
struct posted_last {
    model::atomic<weft::loop*> open{nullptr};
    model::plain<int> calls{0};
    void thread(unsigned me) {
        if (me == 0) {
            weft::loop here(std::make_unique<model::reactor>());
            bool both = false;
            over = &both;
            open.store(&here);
            here.run_until(both);
        } else {
            while (open.load() == nullptr) {
                model::wait_for_a_change();
            }
            open.load()->post([this] {
                calls.write(calls.read() + 1);
                *over = calls.read() == Posters;
            });
        }
    }
    bool* over = nullptr;
    void end() { model::expect(calls.read() == Posters, "each call was made once"); }
};

TEST(post, from_another_thread_is_made_and_the_loop_outlives_the_poster) {
    finds_nothing<posted_last<1>>({.threads = 2, .deviations = 5});
}
TEST(post, from_two_threads_makes_both_calls_and_the_loop_outlives_the_posters) {
    finds_nothing<posted_last<2>>({.threads = 3, .deviations = 2});
}

/// Each tells of something and posts the same prepared call: the last call has seen all that was told before a post.
template <int Posters>
struct prepared_and_posted {
    struct call {
        prepared_and_posted* world;
        void operator()() const { world->all_seen = world->told.load(std::memory_order_relaxed) == Posters; }
    };
    model::atomic<int> told{0};
    model::atomic<weft::prepared_call<call>*> prepared{nullptr};
    bool all_seen = false;
    model::atomic<int> posted{0};
    void thread(unsigned me) {
        if (me == 0) {
            weft::loop here(std::make_unique<model::reactor>());
            weft::prepared_call<call> look(here, call{this});
            prepared.store(&look);
            here.run_until(all_seen);
            while (posted.load() != Posters) {
                model::wait_for_a_change();
            }
        } else {
            while (prepared.load() == nullptr) {
                model::wait_for_a_change();
            }
            told.fetch_add(1, std::memory_order_relaxed);
            prepared.load()->post();
            posted.fetch_add(1);
        }
    }
    void end() {}
};

TEST(post, of_a_prepared_call_is_never_lost_between_a_call_and_the_next_post) {
    finds_nothing<prepared_and_posted<1>>({.threads = 2, .deviations = 5});
    finds_nothing<prepared_and_posted<2>>({.threads = 3, .deviations = 2});
}

// ---- limits -------------------------------------------------------------------------------------------------------------

/// A stop is requested while the limit that listens to it ends, and while what it waits for happens.
struct stopped_or_not {
    std::stop_source stop;
    weft::event happened{weft::event::manual};
    void thread(unsigned me) {
        if (me == 0) {
            on_a_loop([this](weft::scope&) {
                std::stop_source never;
                for (bool first : {true, false}) {  // the second limit lies where the first lay
                    bool met = !weft::within(first ? stop.get_token() : never.get_token(),
                                             [&] { first ? happened.wait() : weft::yield(); });
                    model::expect(!met || (first && stop.stop_requested()), "a limit is met only by a stop of its own");
                }
            });
        } else if (me == 1) {
            (void)stop.request_stop();
        } else {
            happened.set();
        }
    }
    void end() {}
};

TEST(limit, may_end_while_its_stop_is_requested) {
    finds_nothing<stopped_or_not>({.threads = 2, .deviations = 4});
    finds_nothing<stopped_or_not>({.threads = 3, .deviations = 2});
}

struct thread_stopped_or_not {
    std::stop_source stop;
    weft::event happened{weft::event::manual};
    void thread(unsigned me) {
        if (me == 0) {
            (void)weft::within(stop.get_token(), [this] { happened.wait(); });
        } else if (me == 1) {
            (void)stop.request_stop();
        } else {
            happened.set();
        }
    }
    void end() {}
};

TEST(limit, of_a_plain_thread_may_end_while_its_stop_is_requested) {
    finds_nothing<thread_stopped_or_not>({.threads = 2, .deviations = 5});
    finds_nothing<thread_stopped_or_not>({.threads = 3, .deviations = 3});
}

/// Who waits for the lock is told to stop while it is handed over: it has the lock or passes it on.
struct cancelled_while_granted {
    weft::mutex m;
    std::stop_source stop;
    model::plain<int> inside{0};
    void thread(unsigned me) {
        if (me == 0) {
            on_a_loop([this](weft::scope&) {
                if (weft::within(stop.get_token(), [this] { m.lock(); })) {
                    inside.write(inside.read() + 1);
                    m.unlock();
                }
            });
        } else {
            m.lock();
            inside.write(inside.read() + 1);
            if (me == 1) {
                (void)stop.request_stop();
            }
            m.unlock();
        }
    }
    void end() { model::expect(m.try_lock(), "the lock is free at the end"), m.unlock(); }
};

TEST(limit, that_is_met_while_a_lock_is_handed_over_loses_no_lock) {
    finds_nothing<cancelled_while_granted>({.threads = 2, .deviations = 4});
    finds_nothing<cancelled_while_granted>({.threads = 3, .deviations = 1});
}

// ---- select -------------------------------------------------------------------------------------------------------------

/// Two give at once to one that selects: it takes one, and leaves the other where it is.
struct selects_one_of_two {
    weft::channel<int> jobs{1};
    weft::semaphore units{1};
    bool took_job = false;
    selects_one_of_two() { (void)units.try_acquire(); }
    void thread(unsigned me) {
        if (me == 0) {
            took_job = weft::select(weft::when::received(jobs), weft::when::acquired(units)).index() == 0;
        } else if (me == 1) {
            model::expect(jobs.try_send(7), "there is room for one");
        } else {
            units.release();
        }
    }
    void end() {
        model::expect(jobs.size() == (took_job ? 0 : 1), "the value was taken if it was chosen");
        model::expect(units.available() == (took_job ? 1 : 0), "the unit was taken if it was chosen");
    }
};

TEST(select, takes_one_and_leaves_the_other_when_both_are_given_at_once) {
    finds_nothing<selects_one_of_two>({.threads = 3, .deviations = 2});
}

/// Two that select the same two things, in either order, each of which is there once: neither goes away empty.
struct two_select {
    weft::mutex a;
    weft::mutex b;
    model::plain<int> inside_a{0};
    model::plain<int> inside_b{0};
    void thread(unsigned me) {
        auto first = me == 0 ? weft::select(weft::when::locked(a), weft::when::locked(b))
                             : weft::select(weft::when::locked(b), weft::when::locked(a));
        bool has_a = first.index() == me;
        (has_a ? inside_a : inside_b).write(1);
        (has_a ? a : b).unlock();
    }
    void end() { model::expect(a.try_lock() && b.try_lock(), "both are free at the end"), a.unlock(), b.unlock(); }
};

TEST(select, of_the_same_locks_by_two_threads_gives_each_to_one) {
    finds_nothing<two_select>({.threads = 2, .deviations = 4});
}

}  // namespace
