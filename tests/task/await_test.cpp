// To and from C++20 coroutines and std::future.

#include <gtest/gtest.h>

#include <coroutine>
#include <exception>
#include <future>
#include <latch>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <weft/await.hpp>
#include <weft/task.hpp>

namespace {

using namespace std::chrono_literals;

/// A C++20 coroutine as libraries have them: starts when it is awaited, and then continues who awaits it.
template <class T>
class lazy {
public:
    struct promise_type {
        lazy get_return_object() { return lazy(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct go_back {
                bool await_ready() noexcept { return false; }
                std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
                    return h.promise().awaited_by;
                }
                void await_resume() noexcept {}
            };
            return go_back{};
        }
        template <class V>
        void return_value(V&& v) {
            value.emplace(std::forward<V>(v));
        }
        void unhandled_exception() { failure = std::current_exception(); }

        std::coroutine_handle<> awaited_by = std::noop_coroutine();
        std::optional<T> value;
        std::exception_ptr failure;
    };

    explicit lazy(std::coroutine_handle<promise_type> h) : h_(h) {}
    lazy(lazy&& other) noexcept : h_(std::exchange(other.h_, {})) {}
    ~lazy() {
        if (h_) {
            h_.destroy();
        }
    }

    void start() { h_.resume(); }
    [[nodiscard]] bool done() const { return h_.done(); }
    T get() {
        if (h_.promise().failure) {
            std::rethrow_exception(h_.promise().failure);
        }
        return std::move(*h_.promise().value);
    }

    auto operator co_await() && {
        struct awaiter {
            std::coroutine_handle<promise_type> h;
            lazy* self;
            bool await_ready() { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> by) {
                h.promise().awaited_by = by;
                return h;
            }
            T await_resume() { return self->get(); }
        };
        return awaiter{h_, this};
    }

private:
    std::coroutine_handle<promise_type> h_;
};

/// Resumes on a thread of its own.
struct on_another_thread {
    std::jthread& thread;
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> h) {
        thread = std::jthread([h] { h.resume(); });
    }
    int await_resume() { return 11; }
};

/// Resumes when it is told to.
struct gate {
    std::coroutine_handle<> waiting;
    auto operator co_await() {
        struct awaiter {
            gate& g;
            bool await_ready() { return false; }
            void await_suspend(std::coroutine_handle<> h) { g.waiting = h; }
            void await_resume() {}
        };
        return awaiter{*this};
    }
};

lazy<int> twice(lazy<int> of) {
    co_return 2 * co_await std::move(of);
}

lazy<int> number(int n) {
    co_return n;
}

lazy<int> failing() {
    throw std::out_of_range("far");
    co_return 0;
}

lazy<int> number_from(std::jthread& thread) {
    co_return co_await on_another_thread{thread};
}

TEST(await, of_an_awaitable_that_is_ready) {
    weft::run([] { weft::await(std::suspend_never()); });
}

TEST(await, of_a_chain_of_coroutines) {
    weft::run([] { EXPECT_EQ(weft::await(twice(twice(number(5)))), 20); });
}

TEST(await, throws_what_the_awaitable_throws) {
    weft::run([] { EXPECT_THROW(weft::await(twice(failing())), std::out_of_range); });
}

TEST(await, of_an_awaitable_that_resumes_on_another_thread_goes_on_on_the_loops) {
    weft::run([] {
        for (int i = 0; i < 300; ++i) {
            auto here = std::this_thread::get_id();
            std::jthread thread;
            EXPECT_EQ(weft::await(number_from(thread)), 11);
            EXPECT_EQ(std::this_thread::get_id(), here);
        }
    });
}

TEST(await, lets_other_coroutines_run_meanwhile) {
    weft::run([] {
        gate g;
        auto opener = weft::spawn([&] { g.waiting.resume(); });
        weft::await(g);
        opener.join();
    });
}

TEST(await, says_so_when_the_awaitable_destroys_who_waits) {
    weft::run([] {
        gate g;
        auto destroyer = weft::spawn([&] { g.waiting.destroy(); });
        EXPECT_THROW(weft::await(g), std::future_error);
        destroyer.join();
    });
}

TEST(await, is_not_ended_before_its_time) {
    weft::run([] {
        gate g;
        auto t = weft::spawn([&] { weft::await(g); });
        weft::yield();
        t.cancel();
        weft::yield();
        EXPECT_FALSE(t.done());
        g.waiting.resume();
        t.join();
    });
}

TEST(await, outside_a_coroutine_runs_the_loop_meanwhile) {
    gate g;
    auto opener = weft::spawn([&] {
        weft::sleep_for(1ms);
        g.waiting.resume();
    });
    weft::await(g);
    opener.join();
}

lazy<std::string> joined(weft::task<std::string> t) {
    co_return "got " + co_await std::move(t);
}

TEST(co_await_of_a_task, goes_on_on_the_thread_of_its_loop_with_what_it_returned) {
    weft::run([] {
        auto body = []() -> lazy<std::thread::id> {
            co_await weft::spawn([] { weft::sleep_for(1ms); });
            co_return std::this_thread::get_id();
        };
        auto co = body();
        co.start();
        EXPECT_FALSE(co.done());
        while (!co.done()) {
            weft::yield();
        }
        EXPECT_EQ(co.get(), std::this_thread::get_id());
    });
}

TEST(co_await_of_a_task, that_has_ended_does_not_suspend) {
    weft::run([] {
        auto t = weft::spawn([] { return std::string("it"); });
        while (!t.done()) {
            weft::yield();
        }
        auto co = joined(std::move(t));
        co.start();
        EXPECT_TRUE(co.done());
        EXPECT_EQ(co.get(), "got it");
    });
}

TEST(co_await_of_a_task, throws_what_the_task_threw) {
    weft::run([] {
        auto body = []() -> lazy<int> {
            co_return co_await weft::spawn([]() -> int { throw std::out_of_range("far"); });
        };
        EXPECT_THROW(weft::await(body()), std::out_of_range);
    });
}

TEST(co_await_of_a_task, of_a_coroutine_that_is_destroyed_cancels_the_task) {
    weft::run([] {
        bool cancelled = false;
        {
            auto co = joined(weft::spawn([&]() -> std::string {
                try {
                    weft::sleep_for(1h);
                } catch (std::system_error const&) {
                    cancelled = true;
                }
                return "";
            }));
            co.start();
            weft::yield();
        }
        EXPECT_TRUE(cancelled);
    });
}

TEST(co_await_of_a_task, inside_await_inside_a_task) {
    weft::run([] { EXPECT_EQ(weft::await(joined(weft::spawn([] { return std::string("all"); }))), "got all"); });
}

TEST(await_a_future, returns_what_it_holds) {
    weft::run([] {
        std::promise<int> p;
        p.set_value(3);
        EXPECT_EQ(weft::await(p.get_future()), 3);
    });
}

TEST(await_a_future, lets_other_coroutines_run_meanwhile) {
    weft::run([] {
        std::promise<int> p;
        auto other = weft::spawn([&] { p.set_value(4); });
        EXPECT_EQ(weft::await(p.get_future()), 4);
        other.join();
    });
}

TEST(await_a_future, that_another_thread_fulfils) {
    weft::run([] { EXPECT_EQ(weft::await(std::async(std::launch::async, [] { return 5; })), 5); });
}

TEST(await_a_future, throws_what_it_holds) {
    weft::run([] {
        std::promise<void> p;
        p.set_exception(std::make_exception_ptr(std::out_of_range("far")));
        EXPECT_THROW(weft::await(p.get_future()), std::out_of_range);
    });
}

TEST(await_a_future, a_deferred_one_is_called_on_another_thread) {
    weft::run([] {
        auto here = std::this_thread::get_id();
        EXPECT_NE(weft::await(std::async(std::launch::deferred, [] { return std::this_thread::get_id(); })), here);
    });
}

TEST(await_a_future, ends_when_it_is_cancelled) {
    weft::run([] {
        std::promise<int> p;
        auto t = weft::spawn([f = p.get_future()]() mutable { return weft::await(std::move(f)); });
        weft::yield();
        t.cancel();
        EXPECT_THROW(t.join(), std::system_error);
    });
}

TEST(await_a_future, a_thousand_at_once_need_no_thousand_threads) {
    weft::run([] {
        std::vector<std::promise<int>> promises(1'000);
        long sum = 0;
        weft::scope waiters;
        for (auto& p : promises) {
            waiters.spawn([&, f = p.get_future()]() mutable { sum += weft::await(std::move(f)); });
        }
        weft::offload([&] {
            for (auto& p : promises) {
                p.set_value(1);
            }
        });
        waiters.join();
        EXPECT_EQ(sum, 1'000);
    });
}

TEST(as_future, another_thread_gets_what_the_task_returned) {
    weft::run([] {
        auto f = weft::as_future(weft::spawn([] {
            weft::sleep_for(1ms);
            return std::make_unique<int>(9);
        }));
        EXPECT_EQ(weft::offload([&] { return *f.get(); }), 9);
    });
}

TEST(as_future, another_thread_gets_what_the_task_threw) {
    weft::run([] {
        auto f = weft::as_future(weft::spawn([] { throw std::out_of_range("far"); }));
        EXPECT_THROW(weft::offload([&] { f.get(); }), std::out_of_range);
    });
}

TEST(as_future, the_task_runs_on_when_the_future_is_dropped) {
    weft::run([] {
        bool ran = false;
        (void)weft::as_future(weft::spawn([&] {
            weft::yield();
            ran = true;
        }));
        while (!ran) {
            weft::yield();
        }
    });
}

}  // namespace
