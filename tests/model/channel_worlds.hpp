// What channels and selects on them are explored with, and their mutants.

#pragma once

#include <weft/channel.hpp>

#include "model/atomic.hpp"
#include "model/explorer.hpp"

namespace model {

/// A value whose moves are watched: one that nothing keeps apart from another's access is a failure.
class parcel {
public:
    explicit parcel(int content) : content_(content) {}
    parcel(parcel&& other) noexcept : content_(other.content_.read()) { other.content_.write(0); }
    parcel& operator=(parcel&&) = delete;
    [[nodiscard]] int content() const { return content_.read(); }

private:
    plain<int> content_;
};

/// The first sends and closes; the others receive to the end.
template <std::size_t Capacity>
struct sent_and_closed {
    weft::channel<parcel> c{Capacity};
    atomic<int> received{0};
    void thread(unsigned me) {
        if (me == 0) {
            expect(c.send(parcel(1)), "it is open");
            expect(c.send(parcel(2)), "it is open");
            c.close();
            return;
        }
        while (auto p = c.receive()) {
            received.fetch_add(p->content(), std::memory_order_relaxed);
        }
    }
    void end() { expect(received.load() == 3, "each value was received once"); }
};

/// Each would send on the channel on which the other receives; the second looks first whether there is something to receive.
struct both_sides_select {
    weft::channel<parcel> a;
    weft::channel<parcel> b;
    bool on_a[2] = {};
    void thread(unsigned me) {
        parcel mine(7);
        bool sent = false;
        int content = 7;
        if (me == 0) {
            auto first = weft::select(weft::when::sent(a, mine), weft::when::received(b));
            sent = on_a[me] = first.index() == 0;
            content = sent ? 7 : std::get<1>(first)->content();
        } else {
            auto first = weft::select(weft::when::received(a), weft::when::sent(b, mine));
            sent = first.index() == 1;
            on_a[me] = !sent;
            content = sent ? 7 : std::get<0>(first)->content();
        }
        expect(content == 7 && mine.content() == (sent ? 0 : 7), "one value has gone over");
    }
    void end() { expect(on_a[0] == on_a[1], "both have taken the same channel"); }
};

}  // namespace model
