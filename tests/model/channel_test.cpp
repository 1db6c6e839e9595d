// Channels and selects on them, in every order of the steps: each value goes to one, a close is seen by all, and both sides
// may select. And channels that leave a step out.

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <stop_token>
#include <utility>
#include <weft/channel.hpp>
#include <weft/limit.hpp>

#include "model/channel_worlds.hpp"
#include "model/finds_nothing.hpp"

namespace {

using model::finds_nothing;
using model::parcel;

TEST(channel, hands_each_value_to_one_receiver_and_the_end_to_all) {
    finds_nothing<model::sent_and_closed<0>>({.threads = 2, .deviations = 3});
    finds_nothing<model::sent_and_closed<1>>({.threads = 2, .deviations = 3});
    finds_nothing<model::sent_and_closed<1>>({.threads = 3, .deviations = 1});
}

/// One closes it while one sends and one receives: the value arrived, or was kept.
struct closed_meanwhile {
    weft::channel<parcel> c;
    bool sent = false;
    bool received = false;
    void thread(unsigned me) {
        if (me == 0) {
            parcel p(7);
            sent = c.send(std::move(p));
            model::expect(sent || p.content() == 7, "a value that was not sent is kept");
        } else if (me == 1) {
            received = c.receive().has_value();
        } else {
            c.close();
        }
    }
    void end() { model::expect(sent == received, "what was sent was received"); }
};

TEST(channel, closed_under_a_sender_and_a_receiver_loses_nothing) {
    finds_nothing<closed_meanwhile>({.threads = 3, .deviations = 2});
}

/// A receiver is told to stop while a value is sent to it.
struct stopped_receiver {
    weft::channel<parcel> c{1};
    std::stop_source stop;
    bool received = false;
    void thread(unsigned me) {
        if (me == 0) {
            received =
                weft::within(stop.get_token(), [this] { model::expect(c.receive()->content() == 7, "it is whole"); });
        } else if (me == 1) {
            model::expect(c.send(parcel(7)), "there is room");
        } else {
            (void)stop.request_stop();
        }
    }
    void end() { model::expect(c.size() == (received ? 0 : 1), "the value was received, or is inside"); }
};

TEST(channel, whose_receiver_is_told_to_stop_loses_nothing) {
    finds_nothing<stopped_receiver>({.threads = 3, .deviations = 2});
}

TEST(select, may_be_on_both_sides_of_two_channels_of_which_one_is_taken) {
    finds_nothing<model::both_sides_select>({.threads = 2, .deviations = 4});
}

/// Two that select both sides of the same channel meet each other, and not themselves.
struct both_select_both_sides {
    weft::channel<parcel> c;
    std::array<bool, 2> sent{};
    void thread(unsigned me) {
        parcel mine(static_cast<int>(me) + 1);
        auto first = weft::select(weft::when::sent(c, mine), weft::when::received(c));
        sent[me] = first.index() == 0;
        model::expect(sent[me] || std::get<1>(first)->content() == 2 - static_cast<int>(me), "it is the other's");
        model::expect(sent[me] || mine.content() == static_cast<int>(me) + 1, "what was not sent is kept");
    }
    void end() { model::expect(sent[0] != sent[1], "one has sent and one has received"); }
};

TEST(select, of_both_sides_of_one_channel_by_two_makes_them_meet) {
    finds_nothing<both_select_both_sides>({.threads = 2, .deviations = 4});
}

/// A select is told to stop while one of two channels has a value for it and the other is closed.
struct stopped_select {
    weft::channel<parcel> a{1};
    weft::channel<parcel> b{1};
    std::stop_source stop;
    bool took_a = false;
    void thread(unsigned me) {
        if (me == 0) {
            (void)weft::within(stop.get_token(), [this] {
                auto first = weft::select(weft::when::received(a), weft::when::received(b));
                took_a = first.index() == 0;
                model::expect(!took_a || std::get<0>(first)->content() == 7, "it is whole");
            });
        } else if (me == 1) {
            model::expect(a.send(parcel(7)), "there is room");
            b.close();
        } else {
            (void)stop.request_stop();
        }
    }
    void end() { model::expect(a.size() == (took_a ? 0 : 1), "the value was received, or is inside"); }
};

TEST(select, that_is_told_to_stop_has_taken_a_value_or_left_it) {
    finds_nothing<stopped_select>({.threads = 3, .deviations = 2});
}

// ---- bugs ---------------------------------------------------------------------------------------------------------------

enum class bug { none, forgets_those_that_send, lets_go_between_look_and_wait, wakes_before_it_gives };

/// An unbuffered channel that is made of the library's parts; or it leaves a step out.
template <bug Bug>
class channel_of_parts : public weft::detail::channel_base {
public:
    channel_of_parts() : channel_base(0) {}

    bool send(parcel& p) {
        lock_.lock();
        weft::detail::branch* receiver = receivers_.grant_first();
        if (receiver == nullptr) {
            if (Bug == bug::lets_go_between_look_and_wait) {
                lock_.unlock();
                lock_.lock();
            }
            return wait_in(senders_, &p, "room", weft::call_site::here());
        }
        lock_.unlock();
        auto* to = static_cast<std::optional<parcel>*>(receiver->item);
        if (Bug == bug::wakes_before_it_gives) {
            weft::detail::wake(*receiver->whose);
            to->emplace(std::move(p));
        } else {
            to->emplace(std::move(p));
            weft::detail::wake(*receiver->whose);
        }
        return true;
    }

    std::optional<parcel> receive() {
        std::optional<parcel> value;
        lock_.lock();
        if (weft::detail::branch* sender = senders_.grant_first(); sender != nullptr) {
            value.emplace(std::move(*static_cast<parcel*>(sender->item)));
            lock_.unlock();
            weft::detail::wake(*sender->whose);
        } else {
            (void)wait_in(receivers_, &value, "a value", weft::call_site::here());
        }
        return value;
    }

    void close() {
        if (Bug != bug::forgets_those_that_send) {
            channel_base::close();
            return;
        }
        lock_.lock();
        closed_ = true;
        weft::detail::branch* receiver = receivers_.grant_first();
        lock_.unlock();
        if (receiver != nullptr) {
            receiver->amount = closed_mark;
            weft::detail::wake(*receiver->whose);
        }
    }
};

template <bug Bug>
struct uses_parts {
    channel_of_parts<Bug> c;
    void thread(unsigned me) {
        parcel p(7);
        if (me == 0) {
            (void)c.send(p);
        } else if (me == 1) {
            auto got = c.receive();
            model::expect(got.has_value() && got->content() == 7, "the value has come");
            c.close();
        } else {
            (void)c.send(p);  // nobody receives it: the close ends its wait
        }
    }
    void end() {}
};

template <bug Bug>
std::string what_is_found(unsigned threads) {
    return model::explore<uses_parts<Bug>>({.threads = threads, .deviations = 2}).failure;
}

TEST(bug, a_close_that_forgets_those_that_send_is_found) {
    EXPECT_EQ(what_is_found<bug::none>(3), "");
    EXPECT_NE(what_is_found<bug::forgets_those_that_send>(3), "");
}

TEST(bug, a_sender_that_looks_and_waits_in_two_steps_is_found) {
    EXPECT_EQ(what_is_found<bug::none>(2), "");
    EXPECT_NE(what_is_found<bug::lets_go_between_look_and_wait>(2), "");
}

TEST(bug, a_sender_that_wakes_before_it_gives_is_found) {
    EXPECT_NE(what_is_found<bug::wakes_before_it_gives>(2), "");
}

}  // namespace
