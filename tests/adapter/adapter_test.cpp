#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <weft/await_callback.hpp>
#include <weft/byte_stream.hpp>
#include <weft/event.hpp>
#include <weft/task.hpp>
#include <weft/unix.hpp>

#include "others.hpp"

namespace {

using namespace std::chrono_literals;

using all_others = testing::Types<others::glib, others::libuv, others::asio_context>;

/// What GLib, libuv or Asio calls after a moment, as a call.
template <class Other>
int ask(Other& other, int number) {
    return weft::await_callback<int>(
        [&](weft::completion<int> done) { other.call_after(1, [done, number] { done(number); }); });
}

/// A timer of weft's: it must not come before its time.
void expect_sleep_of(weft::clock::duration time) {
    auto begin = weft::clock::now();
    weft::sleep_for(time);
    EXPECT_GE(weft::clock::now() - begin, time);
}

std::string read_word(weft::stream& from) {
    std::array<std::byte, 10> buffer;
    std::size_t n = from.read(buffer);
    return {reinterpret_cast<char const*>(buffer.data()), n};
}

// ---- weft inside another loop ---------------------------------------------------------------------------------------

template <class Other>
class a_loop_in : public testing::Test {
protected:
    template <class T>
    T run_until_done(weft::task<T>& t) {
        while (!t.done()) {
            other.turn();
        }
        return t.join();
    }

    Other other;
    weft::loop here;
    std::optional<typename Other::inside> tasks{std::in_place, other.handle()};
};
TYPED_TEST_SUITE(a_loop_in, all_others);

TYPED_TEST(a_loop_in, goes_on_with_tasks_and_sockets) {
    auto ends = weft::unix_stream_pair();
    auto reading = weft::spawn([&] { return read_word(ends.first); });
    auto writing = weft::spawn([&] {
        weft::yield();  // the other one waits by now
        ends.second.write_all(weft::bytes_of("word"));
    });
    EXPECT_EQ(this->run_until_done(reading), "word");
    this->run_until_done(writing);
}

TYPED_TEST(a_loop_in, serves_its_own_timers_and_none_too_early) {
    auto sleeping = weft::spawn([] { expect_sleep_of(2ms); });
    this->run_until_done(sleeping);
}

TYPED_TEST(a_loop_in, waits_for_callbacks_of_the_other) {
    auto asking = weft::spawn([&] {
        int sum = 0;
        for (int i = 0; i < 5; ++i) {
            sum += ask(this->other, i);
        }
        return sum;
    });
    EXPECT_EQ(this->run_until_done(asking), 10);
}

TYPED_TEST(a_loop_in, is_woken_by_other_threads) {
    for (int i = 0; i < 100; ++i) {
        weft::event happened(weft::event::manual);
        auto waiting = weft::spawn([&] { happened.wait(); });
        std::thread thread([&] { happened.set(); });
        this->run_until_done(waiting);
        thread.join();
    }
}

TYPED_TEST(a_loop_in, lets_the_other_come_to_its_turn) {
    bool called = false;
    auto busy = weft::spawn([&] {
        while (!called) {
            weft::yield();
        }
    });
    this->other.call_after(1, [&] { called = true; });
    this->run_until_done(busy);
}

TYPED_TEST(a_loop_in, leaves_when_it_is_told_to_even_in_its_own_turn) {
    bool left = false;
    auto leaving = weft::spawn([&] {
        this->here.post([&] {
            this->tasks.reset();
            left = true;
        });
    });
    while (!left) {
        this->other.turn();
    }
    leaving.join();  // its loop runs by itself again
    bool called = false;
    this->other.call_after(1, [&] { called = true; });
    while (!called) {
        this->other.turn();
    }
}

// ---- another loop inside weft ---------------------------------------------------------------------------------------

template <class Other>
class a_loop_with : public testing::Test {
protected:
    Other other;
    weft::loop here{other.reactor()};
};
TYPED_TEST_SUITE(a_loop_with, all_others);

TYPED_TEST(a_loop_with, waits_for_callbacks_of_the_other) {
    weft::run([&] {
        weft::scope questions;
        int sum = 0;
        for (int i = 0; i < 5; ++i) {
            questions.spawn([&, i] { sum += ask(this->other, i); });
        }
        questions.join();
        EXPECT_EQ(sum, 10);
    });
    EXPECT_EQ(ask(this->other, 1), 1) << "outside coroutines too";
}

TYPED_TEST(a_loop_with, goes_on_with_tasks_timers_and_sockets) {
    weft::run([&] {
        auto ends = weft::unix_stream_pair();
        auto writing = weft::spawn([&] {
            expect_sleep_of(1500us);
            ends.second.write_all(weft::bytes_of("word"));
        });
        EXPECT_EQ(read_word(ends.first), "word");
        writing.join();
    });
}

TYPED_TEST(a_loop_with, is_woken_by_other_threads) {
    weft::run([&] {
        for (int i = 0; i < 100; ++i) {
            weft::event happened(weft::event::manual);
            std::thread thread([&] { happened.set(); });
            happened.wait();
            thread.join();
        }
    });
}

TYPED_TEST(a_loop_with, lets_the_other_come_to_its_turn) {
    bool called = false;
    this->other.call_after(1, [&] { called = true; });
    weft::run([&] {
        while (!called) {
            weft::yield();
        }
    });
}

TYPED_TEST(a_loop_with, sleeps_when_neither_has_anything_to_do) {
    auto turns_of_a_sleep = [&](weft::clock::duration time) {
        auto before = this->here.statistics().turns;
        weft::sleep_for(time);
        return this->here.statistics().turns - before;
    };
    auto turns = turns_of_a_sleep(1ms);
    EXPECT_LE(turns_of_a_sleep(50ms), turns + 10) << "it spins";
}

TEST(shared_reactor, needs_one_with_a_descriptor) {
    EXPECT_THROW(weft::adapter::glib_reactor(nullptr, weft::make_reactor("portable")), std::system_error);
}

TYPED_TEST(a_loop_with, ends_waits_before_their_time) {
    weft::run([&] {
        std::optional<weft::completion<int>> kept;
        EXPECT_FALSE(weft::within(2ms, [&] { weft::await_callback<int>([&](auto done) { kept = done; }); }));
        this->other.call_after(1, [&] { (*kept)(1); });  // too late, and dropped
        EXPECT_EQ(ask(this->other, 2), 2);
    });
}

}  // namespace
