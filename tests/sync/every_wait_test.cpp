// What holds for every wait of this floor, held against each primitive in turn: on one loop, on two, in plain threads; with
// a deadline, a stop_token, a cancellation at each step; in order; ten thousand at once; and destroyed under its waiters.

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <numeric>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/barrier.hpp>
#include <weft/channel.hpp>
#include <weft/condition_variable.hpp>
#include <weft/event.hpp>
#include <weft/limit.hpp>
#include <weft/mutex.hpp>
#include <weft/once.hpp>
#include <weft/select.hpp>
#include <weft/semaphore.hpp>
#include <weft/shared_mutex.hpp>
#include <weft/task.hpp>
#include <weft/wait_group.hpp>
#include <weft/wait_queue.hpp>

#include "../instrumented.hpp"

namespace {

/// How often this thread has asked for memory.
thread_local std::size_t allocations = 0;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
    ++allocations;
    void* memory = std::malloc(bytes != 0 ? bytes : 1);
    return memory != nullptr ? memory : throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

namespace {

using namespace std::chrono_literals;

constexpr int many = weft_test::how_many(10'000, 300);

/// Something that is waited for, and can't be had at first.
struct primitive {
    virtual ~primitive() = default;
    /// Waits; then lets the next of those that wait go on, if that is not done for all at once.
    virtual void wait() = 0;
    /// Lets the first that waits go on, or waits for one to come. By whoever made it.
    virtual void give() = 0;
};

template <class Mutex>
struct locks final : primitive {
    Mutex m;
    explicit locks(int) { m.lock(); }
    void wait() override { std::scoped_lock lock(m); }
    void give() override { m.unlock(); }
};

struct writes final : primitive {
    weft::shared_mutex m;
    explicit writes(int) { m.lock_shared(); }
    void wait() override { std::scoped_lock lock(m); }
    void give() override { m.unlock_shared(); }
};

struct reads final : primitive {
    weft::shared_mutex m;
    explicit reads(int) { m.lock(); }
    void wait() override { std::shared_lock lock(m); }
    void give() override { m.unlock(); }
};

struct acquires final : primitive {
    weft::semaphore s{1};
    explicit acquires(int) { s.acquire(); }
    void wait() override { s.acquire(), s.release(); }
    void give() override { s.release(); }
};

template <weft::event::reset_mode Mode>
struct happens final : primitive {
    weft::event e{Mode};
    explicit happens(int) {}
    void wait() override { e.wait(), e.set(); }
    void give() override { e.set(); }
};

struct queues final : primitive {
    weft::wait_queue q;
    explicit queues(int) {}
    void wait() override { q.wait(), q.wake_one(); }
    void give() override {
        while (!q.wake_one()) {
            std::this_thread::yield();
        }
    }
};

struct notified final : primitive {
    weft::mutex m;
    weft::condition_variable c;
    bool given = false;
    explicit notified(int) {}
    void wait() override {
        std::unique_lock lock(m);
        c.wait(lock, [this] { return given; });
        c.notify_one();
    }
    void give() override {
        std::scoped_lock lock(m);
        given = true;
        c.notify_one();
    }
};

struct grouped final : primitive {
    weft::wait_group g{1};
    explicit grouped(int) {}
    void wait() override { g.wait(); }
    void give() override { g.done(); }
};

struct latched final : primitive {
    weft::latch l{1};
    explicit latched(int) {}
    void wait() override { l.wait(); }
    void give() override { l.count_down(); }
};

struct meets final : primitive {
    weft::barrier<> b;
    explicit meets(int waiters) : b(waiters + 1) {}
    void wait() override { b.arrive_and_wait(); }
    void give() override { b.arrive_and_wait(); }
};

struct once_called final : primitive {
    weft::once_flag flag;
    std::promise<void> go;  // std::latch of libstdc++ 12 loses wake-ups on Windows
    std::thread first;
    explicit once_called(int) {
        std::promise<void> calls;
        first = std::thread([&] { weft::call_once(flag, [&] { calls.set_value(), go.get_future().wait(); }); });
        calls.get_future().wait();
    }
    void wait() override {
        weft::call_once(flag, [] { ADD_FAILURE() << "called twice"; });
    }
    void give() override {
        go.set_value();
        first.join();
    }
};

struct receives final : primitive {
    weft::channel<int> c;
    explicit receives(int) {}
    void wait() override {
        EXPECT_EQ(c.receive(), 7);
        (void)c.try_send(7);
    }
    void give() override { EXPECT_TRUE(c.send(7)); }
};

struct sends final : primitive {
    weft::channel<int> c;
    explicit sends(int) {}
    void wait() override {
        EXPECT_TRUE(c.send(7));
        (void)c.try_receive();
    }
    void give() override { EXPECT_EQ(c.receive(), 7); }
};

struct selects final : primitive {
    weft::channel<int> c;
    weft::event never{weft::event::manual};
    explicit selects(int) {}
    void wait() override {
        EXPECT_EQ(weft::select(weft::when::happened(never), weft::when::received(c)).index(), 1U);
        (void)c.try_send(7);
    }
    void give() override { EXPECT_TRUE(c.send(7)); }
};

struct kind {
    char const* name;
    std::unique_ptr<primitive> (*make)(int waiters);
    char const* destroyed;  ///< What is said when it is destroyed while somebody waits; nullptr: it can't be here.
};

template <class P>
std::unique_ptr<primitive> make(int waiters) {
    return std::make_unique<P>(waiters);
}

kind const kinds[] = {
    {"mutex", &make<locks<weft::mutex>>, "a weft::mutex was destroyed while it was locked"},
    {"recursive_mutex", &make<locks<weft::recursive_mutex>>, "a weft::mutex was destroyed while it was locked"},
    {"shared_mutex, writer", &make<writes>, "a weft::shared_mutex was destroyed while it was locked"},
    {"shared_mutex, reader", &make<reads>, "a weft::shared_mutex was destroyed while it was locked"},
    {"semaphore", &make<acquires>, "a weft::semaphore was destroyed while somebody waits for it"},
    {"event, manual", &make<happens<weft::event::manual>>, "a weft::event was destroyed while somebody waits for it"},
    {"event, automatic", &make<happens<weft::event::automatic>>,
     "a weft::event was destroyed while somebody waits for it"},
    {"wait_queue", &make<queues>, "a weft::wait_queue was destroyed while somebody waits in it"},
    {"condition_variable", &make<notified>, "a weft::wait_queue was destroyed while somebody waits in it"},
    {"wait_group", &make<grouped>, "a weft::wait_group was destroyed while somebody waits for it"},
    {"latch", &make<latched>, "a weft::wait_group was destroyed while somebody waits for it"},
    {"barrier", &make<meets>, "a weft::barrier was destroyed while somebody waits for it"},
    {"call_once", &make<once_called>, nullptr},
    {"channel, receiver", &make<receives>, "a weft::channel was destroyed while somebody waits in it"},
    {"channel, sender", &make<sends>, "a weft::channel was destroyed while somebody waits in it"},
    {"select", &make<selects>, "was destroyed while somebody waits"},
};

void for_each_kind(std::function<void(kind const&)> const& f) {
    for (kind const& k : kinds) {
        SCOPED_TRACE(k.name);
        f(k);
    }
}

std::error_code error_of(auto f) {
    try {
        f();
    } catch (std::system_error const& e) {
        return e.code();
    }
    return {};
}

TEST(every_wait, ends_between_coroutines_of_one_loop) {
    for_each_kind([](kind const& k) {
        weft::run([&] {
            auto p = k.make(1);
            auto waits = weft::spawn([&] { p->wait(); });
            weft::yield();
            EXPECT_FALSE(waits.done());
            p->give();
            waits.join();
        });
    });
}

TEST(every_wait, ends_between_coroutines_of_two_loops) {
    for_each_kind([](kind const& k) {
        weft::run([&] {
            auto p = k.make(1);
            std::thread other([&] { weft::run([&] { p->wait(); }); });
            p->give();
            other.join();
        });
    });
}

TEST(every_wait, ends_between_plain_threads) {
    for_each_kind([](kind const& k) {
        std::thread([&] {  // one that has no loop
            auto p = k.make(1);
            std::thread other([&] { p->wait(); });
            p->give();
            other.join();
        })
            .join();
    });
}

TEST(every_wait, of_a_coroutine_ends_at_its_deadline_and_has_taken_nothing) {
    for_each_kind([](kind const& k) {
        weft::run([&] {
            auto p = k.make(1);
            weft::spawn([&] { EXPECT_FALSE(weft::within(1ms, [&] { p->wait(); })); }).join();
            auto another = weft::spawn([&] { p->wait(); });
            weft::yield();
            p->give();
            another.join();
        });
    });
}

TEST(every_wait, of_a_thread_ends_at_its_deadline_and_has_taken_nothing) {
    for_each_kind([](kind const& k) {
        std::thread([&] {
            auto p = k.make(1);
            std::thread([&] { EXPECT_FALSE(weft::within(1ms, [&] { p->wait(); })); }).join();
            std::thread another([&] { p->wait(); });
            p->give();
            another.join();
        }).join();
    });
}

TEST(every_wait, ends_when_another_thread_requests_its_stop) {
    for_each_kind([](kind const& k) {
        auto is_stopped = [](primitive& p) {
            std::stop_source stop;
            std::thread other([&] { stop.request_stop(); });
            EXPECT_FALSE(weft::within(stop.get_token(), [&] { p.wait(); }));
            other.join();
        };
        weft::run([&] {
            auto p = k.make(1);
            weft::spawn([&] { is_stopped(*p); }).join();
            std::thread([&] { is_stopped(*p); }).join();
            auto another = weft::spawn([&] { p->wait(); });
            weft::yield();
            p->give();
            another.join();
        });
    });
}

TEST(every_wait, of_one_that_is_cancelled_before_it_begins_or_while_it_waits_leaves_the_grant_to_the_next) {
    for_each_kind([](kind const& k) {
        weft::run([&] {
            auto p = k.make(1);
            auto before = weft::spawn([&] { p->wait(); });
            before.cancel();
            EXPECT_EQ(error_of([&] { before.join(); }), std::errc::operation_canceled);
            auto waiting = weft::spawn([&] { p->wait(); });
            weft::yield();
            auto next = weft::spawn([&] { waiting.cancel(), p->wait(); });
            weft::yield();
            EXPECT_EQ(error_of([&] { waiting.join(); }), std::errc::operation_canceled);
            EXPECT_FALSE(next.done());
            p->give();
            next.join();
        });
    });
}

TEST(every_wait, of_one_that_is_cancelled_when_it_was_granted_keeps_the_grant_and_passes_it_on) {
    for_each_kind([](kind const& k) {
        weft::run([&] {
            auto p = k.make(2);
            auto granted = weft::spawn([&] { p->wait(); });
            auto next = weft::spawn([&] { p->wait(); });
            weft::yield();
            p->give();
            granted.cancel();
            EXPECT_NO_THROW(granted.join());
            next.join();
        });
    });
}

TEST(every_wait, ends_in_the_order_of_arrival) {
    for_each_kind([](kind const& k) {
        weft::run([&] {
            auto p = k.make(5);
            std::vector<int> order;
            weft::scope all;
            for (int i = 0; i < 5; ++i) {
                all.spawn([&, i] {
                    p->wait();
                    order.push_back(i);
                });
            }
            weft::yield();
            p->give();
            all.join();
            EXPECT_EQ(order, (std::vector{0, 1, 2, 3, 4}));
        });
    });
}

TEST(every_wait, allocates_nothing) {
    for_each_kind([](kind const& k) {
        std::size_t asked = 0;
        for (int round = 0; round < 2; ++round) {  // what a thread needs once, it has after the first
            weft::run([&] {
                auto p = k.make(1);
                auto waits = weft::spawn([&] {
                    std::size_t before = allocations;
                    p->wait();
                    asked = allocations - before;
                });
                weft::yield();
                p->give();
                waits.join();
            });
        }
        EXPECT_EQ(asked, 0U);
    });
}

TEST(every_wait, ends_for_ten_thousand) {
    for_each_kind([](kind const& k) {
        weft::run([&] {
            auto p = k.make(many);
            int ended = 0;
            weft::scope all;
            for (int i = 0; i < many; ++i) {
                all.spawn({.stack_size = 32 * 1024}, [&] {
                    p->wait();
                    ++ended;
                });
            }
            weft::spawn([] {}).join();  // behind them all: they wait
            EXPECT_EQ(ended, 0);
            p->give();
            all.join();
            EXPECT_EQ(ended, many);
        });
    });
}

TEST(every_wait_death, of_what_is_destroyed_meanwhile_is_told) {
    for_each_kind([](kind const& k) {
        if (k.destroyed == nullptr) {
            return;
        }
        EXPECT_DEATH(weft::run([&] {
                         auto p = k.make(1);
                         auto waits = weft::spawn([&] { p->wait(); });
                         weft::yield();
                         p.reset();
                     }),
                     k.destroyed);
    });
}

}  // namespace
