// The locks as they stand, in every order of their steps: nothing is lost, nothing is granted twice, and who has waited
// may destroy what it waited for.

#include <gtest/gtest.h>

#include <optional>
#include <stop_token>
#include <weft/coroutine.hpp>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/once.hpp>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/wait_group.hpp>
#include <weft/wait_queue.hpp>

#include "model/atomic.hpp"
#include "model/finds_nothing.hpp"
#include "model/mutex_counts.hpp"
#include "model/shared_mutex_parts.hpp"

namespace {

using model::finds_nothing;

// ---- mutex ------------------------------------------------------------------------------------------------------------

TEST(mutex, is_held_by_one_of_two_threads_at_a_time) {
    finds_nothing<model::mutex_counts>({.threads = 2, .deviations = 5});
}
TEST(mutex, is_held_by_one_of_three_threads_at_a_time) {
    finds_nothing<model::mutex_counts>({.threads = 3, .deviations = 3});
}

struct mutex_tried {
    weft::mutex m;
    model::plain<int> inside{0};
    void thread(unsigned me) {
        if (me != 0) {
            m.lock();
        } else if (!m.try_lock()) {
            return;
        }
        inside.write(inside.read() + 1);
        m.unlock();
    }
    void end() { model::expect(m.try_lock(), "the lock is free at the end"), m.unlock(); }
};

TEST(mutex, is_taken_by_no_try_lock_while_it_is_handed_over) {
    finds_nothing<mutex_tried>({.threads = 3, .deviations = 3});
}

// ---- semaphore --------------------------------------------------------------------------------------------------------

struct semaphore_bounds {
    weft::semaphore two{2};
    model::atomic<int> inside{0};
    void thread(unsigned me) {
        std::int64_t amount = me == 0 ? 2 : 1;  // the large one is not overtaken for ever
        two.acquire(amount);
        int others = inside.fetch_add(static_cast<int>(amount), std::memory_order_relaxed);
        model::expect(others + amount <= 2, "no more than two are inside");
        inside.fetch_sub(static_cast<int>(amount), std::memory_order_relaxed);
        two.release(amount);
    }
    void end() { model::expect(two.available() == 2, "all units have come back"); }
};

TEST(semaphore, lets_in_no_more_than_it_has_and_loses_no_unit) {
    finds_nothing<semaphore_bounds>({.threads = 2, .deviations = 5});
    finds_nothing<semaphore_bounds>({.threads = 3, .deviations = 3});
}

// ---- shared_mutex -----------------------------------------------------------------------------------------------------

using model::shared_mutex_parts;

/// A writer and an upgrade are told to stop while the lock is let go of.
struct shared_mutex_stopped {
    weft::shared_mutex m;
    model::plain<int> data{0};
    std::stop_source stop;
    void thread(unsigned me) {
        if (me == 0) {
            if (weft::within(stop.get_token(), [this] { m.lock(); })) {
                data.write(1);
                m.unlock();
            }
        } else if (me == 1) {
            m.lock_shared();
            bool alone = weft::within(stop.get_token(), [this] { m.upgrade(); });
            if (alone) {
                data.write(2);
                m.unlock();
            } else {
                (void)data.read();
                m.unlock_shared();
            }
        } else {
            m.lock_shared();
            (void)stop.request_stop();
            (void)data.read();
            m.unlock_shared();
        }
    }
    void end() { model::expect(m.try_lock(), "nobody is in at the end"), m.unlock(); }
};

TEST(shared_mutex, keeps_a_writer_apart_through_upgrades_and_downgrades) {
    finds_nothing<shared_mutex_parts>({.threads = 2, .deviations = 5});
    finds_nothing<shared_mutex_parts>({.threads = 3, .deviations = 3});
}

TEST(shared_mutex, whose_writers_and_upgrades_are_told_to_stop_lets_the_others_in) {
    finds_nothing<shared_mutex_stopped>({.threads = 3, .deviations = 2});
}

// ---- what may be destroyed by the last that uses it ---------------------------------------------------------------------

/// Who finds that it was the last to use the lock destroys it: nobody else may touch it any more.
template <class Lock>
struct destroyed_by_the_last {
    std::optional<Lock> m{std::in_place};
    model::plain<int> users{2};
    weft::event set{weft::event::manual, true};
    bool use() {
        int left = users.read() - 1;
        users.write(left);
        return left == 0;
    }
    void thread(unsigned me) {
        m->lock();
        bool last = use();
        if (me == 0) {  // goes away with the event, and leaves the slow path behind
            weft::coroutine another([this] {
                for (int i = 0; i < 2; ++i) {  // a select begins to look at another place each time
                    (void)weft::select(weft::when::locked(*m), weft::when::happened(set));
                }
            });
            another.enter();
        }
        m->unlock();
        if (last) {
            m.reset();
        }
    }
    void end() {}
};

TEST(mutex, may_be_destroyed_by_the_last_that_had_it) {
    finds_nothing<destroyed_by_the_last<weft::mutex>>({.threads = 2, .deviations = 4});
}
TEST(shared_mutex, may_be_destroyed_by_the_last_that_had_it) {
    finds_nothing<destroyed_by_the_last<weft::shared_mutex>>({.threads = 2, .deviations = 4});
}

struct semaphore_destroyed_by_the_last {
    std::optional<weft::semaphore> one{std::in_place, 1};
    model::plain<int> users{2};
    weft::event set{weft::event::manual, true};
    void thread(unsigned me) {
        one->acquire();
        int left = users.read() - 1;
        users.write(left);
        for (int i = 0; me == 0 && i < 2; ++i) {
            (void)weft::select(weft::when::acquired(*one), weft::when::happened(set));
        }
        one->release();
        if (left == 0) {
            one.reset();
        }
    }
    void end() {}
};

TEST(semaphore, may_be_destroyed_by_the_last_that_had_it) {
    finds_nothing<semaphore_destroyed_by_the_last>({.threads = 2, .deviations = 4});
}

// ---- what may be destroyed by who has waited for it ---------------------------------------------------------------------

struct event_destroyed {
    std::optional<weft::event> happened{std::in_place, weft::event::manual};
    model::plain<int> data{0};
    void thread(unsigned me) {
        if (me == 0) {
            happened->wait();
            model::expect(data.read() == 1, "what came before the event is there");
            happened.reset();
        } else {
            data.write(1);
            happened->set();
        }
    }
    void end() {}
};

TEST(event, may_be_destroyed_by_the_one_that_has_waited) {
    finds_nothing<event_destroyed>({.threads = 2, .deviations = 5});
}

struct event_automatic {
    weft::event one{weft::event::automatic};
    model::plain<int> passed{0};
    void thread(unsigned) {
        one.wait();
        passed.write(passed.read() + 1);
        one.set();
    }
    event_automatic() { one.set(); }
    void end() { model::expect(one.try_wait(), "it is set still, after all have passed"); }
};

TEST(event, that_is_automatic_lets_one_pass_at_a_time) {
    finds_nothing<event_automatic>({.threads = 2, .deviations = 5});
    finds_nothing<event_automatic>({.threads = 3, .deviations = 3});
}

struct wait_group_destroyed {
    std::optional<weft::wait_group> two{std::in_place, 2};
    model::plain<int> data[2] = {model::plain<int>(0), model::plain<int>(0)};
    void thread(unsigned me) {
        if (me == 2) {
            two->wait();
            model::expect(data[0].read() + data[1].read() == 2, "what was done is there");
            two.reset();
        } else {
            data[me].write(1);
            two->done();
        }
    }
    void end() {}
};

TEST(wait_group, may_be_destroyed_by_the_one_that_has_waited) {
    finds_nothing<wait_group_destroyed>({.threads = 3, .deviations = 3});
}

/// A select that went away with something else leaves the slow path behind it: then who sees that all is done, or that the
/// event was set, may be faster than who does the last of it under the lock.
struct destroyed_by_who_saw_it {
    std::optional<weft::wait_group> group{std::in_place, 1};
    std::optional<weft::event> happened{std::in_place, weft::event::manual};
    destroyed_by_who_saw_it() {
        weft::event set(weft::event::manual, true);
        for (int i = 0; i < 3; ++i) {  // a select begins to look at another place each time
            (void)weft::select(weft::when::all_done(*group), weft::when::happened(*happened),
                               weft::when::happened(set));
        }
    }
    void thread(unsigned me) {
        if (me == 1) {
            group->done();
            happened->set();
            return;
        }
        while (!group->try_wait()) {
            model::wait_for_a_change();
        }
        group.reset();
        while (!happened->try_wait()) {
            model::wait_for_a_change();
        }
        happened.reset();
    }
    void end() {}
};

TEST(wait_group, and_an_event_may_be_destroyed_by_the_one_that_has_seen_them) {
    finds_nothing<destroyed_by_who_saw_it>({.threads = 2, .deviations = 4});
}

// ---- wait_queue -------------------------------------------------------------------------------------------------------

struct queue_with_lock {
    weft::mutex m;
    weft::wait_queue not_empty;
    int items = 0;
    model::plain<int> received{0};
    void thread(unsigned me) {
        m.lock();
        if (me == 0) {
            ++items;
            not_empty.wake_one();
        } else {
            while (items == 0) {
                not_empty.wait(m);
            }
            --items;
            received.write(received.read() + 1);
        }
        m.unlock();
    }
    void end() { model::expect(items == 0 && received.read() == 1, "what was put in was taken out"); }
};

TEST(wait_queue, misses_no_wake_up_between_the_look_and_the_wait) {
    finds_nothing<queue_with_lock>({.threads = 2, .deviations = 5});
}

// ---- once -------------------------------------------------------------------------------------------------------------

struct called_once {
    weft::once_flag flag;
    model::plain<int> made{0};
    void thread(unsigned) {
        weft::call_once(flag, [this] { made.write(made.read() + 1); });
        model::expect(made.read() == 1, "it was made once, and that is seen");
    }
    void end() {}
};

TEST(once, is_called_by_one_and_seen_by_all) {
    finds_nothing<called_once>({.threads = 2, .deviations = 5});
    finds_nothing<called_once>({.threads = 3, .deviations = 3});
}

}  // namespace
