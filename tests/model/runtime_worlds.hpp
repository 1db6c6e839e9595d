// The loops of a runtime, whose tasks go from one to the other while it is stopped. How it is stopped is a part: the library's
// way, or one with a bug.

#pragma once

#include <memory>
#include <system_error>
#include <utility>
#include <weft/event.hpp>
#include <weft/shield.hpp>
#include <weft/task.hpp>
#include <weft/wait_group.hpp>

#include "model/atomic.hpp"
#include "model/reactor.hpp"
#include "task/offered_tasks.hpp"
#include "task/runtime_loops.hpp"

namespace model {

struct as_the_library_stops {
    static void stop(weft::detail::runtime_loop* first) { weft::detail::bring_to_an_end(first); }
};

/// Two loops; the last thread stops them.
template <class Way>
struct stopped_loops {
    static constexpr unsigned size = 2;

    weft::detail::runtime_loop loops[size];
    atomic<unsigned> open{0};

    weft::loop& at(unsigned i) { return *loops[i].here; }

    /// `first` is called on the first loop, before it works.
    template <class F>
    void run_loop(unsigned me, F first) {
        weft::loop mine(std::make_unique<reactor>());
        loops[me].here = &mine;
        if (me == 0) {
            first();
        }
        if (open.fetch_add(1) + 1 == size) {
            wake_all(&open);
        }
        loops[me].work(mine);
    }
    void wait_until_open() {
        if (open.load() != size) {
            sleep_on(&open);
            (void)open.load();
        }
        loops[0].next = &loops[1];
    }
    void stop() { Way::stop(&loops[0]); }
};

/// A task that, when it is cancelled, goes to the other loop to clean up, and leaves one there that waits for a word from
/// the first and then goes there, and so on.
template <class Way, unsigned Hops>
struct cleans_up_elsewhere : stopped_loops<Way> {
    weft::event never{weft::event::manual};
    plain<unsigned> hops{0};

    void thread(unsigned me) {
        if (me < this->size) {
            this->run_loop(me, [this] { weft::spawn([this] { wait_and_clean_up(); }).detach(); });
            return;
        }
        this->wait_until_open();
        this->stop();
        expect(hops.read() == Hops, "what was spawned by a task that was cancelled has ended");
    }
    void end() {}

    void wait_and_clean_up() {
        try {
            never.wait();
        } catch (std::system_error const&) {
        }
        go_to(1);
    }
    void go_to(unsigned there) {
        weft::move_to(this->at(there));
        hops.write(hops.read() + 1);
        if (hops.read() < Hops) {
            weft::spawn([this, back = 1 - there] {
                weft::shield guard;
                weft::event heard{weft::event::manual};
                this->at(back).post([&] { heard.set(); });
                heard.wait();
                go_to(back);
            }).detach();
        }
    }
};

/// A task that ends on the other loop, by itself, while the stop is asked for.
template <class Way>
struct ends_while_stopped : stopped_loops<Way> {
    plain<int> ended{0};

    void thread(unsigned me) {
        if (me < this->size) {
            this->run_loop(me, [] {});
            return;
        }
        this->wait_until_open();
        this->at(0).post([this] {  // as weft::runtime::spawn_on() does
            weft::spawn([this] {
                weft::move_to(this->at(1));
                ended.write(1);
            }).detach();
        });
        this->stop();
        expect(ended.read() == 1, "what was spawned before the stop has ended");
    }
    void end() {}
};

/// A task on each loop. The second, when it is cancelled, tells the first, which has to wait for that.
template <class Way>
struct waits_for_the_other : stopped_loops<Way> {
    weft::event never{weft::event::manual};
    weft::event told{weft::event::manual};

    void thread(unsigned me) {
        if (me < this->size) {
            this->run_loop(me, [] {});
            return;
        }
        this->wait_until_open();
        this->at(0).post([this] {
            weft::spawn([this] {
                weft::shield guard;
                told.wait();
            }).detach();
        });
        this->at(1).post([this] {
            weft::spawn([this] {
                try {
                    never.wait();
                } catch (std::system_error const&) {
                }
                told.set();
            }).detach();
        });
        this->stop();
    }
    void end() {}
};

/// One or two loops that begin what the last thread offers them.
template <unsigned Size>
struct loops_that_take {
    weft::detail::offered_tasks offered;
    weft::detail::runtime_loop* first = nullptr;
    weft::detail::runtime_loop loops[2]{weft::detail::runtime_loop(&offered, &first),
                                        weft::detail::runtime_loop(&offered, &first)};
    atomic<unsigned> open{0};

    void run_loop(unsigned me) {
        weft::loop mine(std::make_unique<reactor>());
        loops[me].here = &mine;
        if (open.fetch_add(1) + 1 == Size) {
            wake_all(&open);
        }
        loops[me].work(mine);
    }
    void wait_until_open() {
        if (open.load() != Size) {
            sleep_on(&open);
            (void)open.load();
        }
        for (unsigned i = 0; i < Size; ++i) {
            loops[i].next = std::exchange(first, &loops[i]);
        }
    }
    template <class F>
    void offer(F start) {
        offered.add(*weft::detail::make_posted(start, {}));
        weft::detail::wake_one(first);
    }
    void end_loops() {
        for (unsigned i = 0; i < Size; ++i) {
            loops[i].end();
        }
    }
    void end() {}
};

/// A task that is offered to a loop that falls asleep.
struct begins_what_is_offered : loops_that_take<1> {
    weft::latch begun{1};
    plain<int> runs{0};

    void thread(unsigned me) {
        if (me == 0) {
            run_loop(me);
            return;
        }
        wait_until_open();
        offer([this] {
            weft::spawn([this] {
                runs.write(runs.read() + 1);
                begun.count_down();
            }).detach();
        });
        begun.wait();
        expect(runs.read() == 1, "the task is begun once");
        end_loops();
    }
};

/// Two tasks, of which each holds up the loop that begins it until the other has begun.
struct begins_two_at_once : loops_that_take<2> {
    atomic<unsigned> begun{0};

    void thread(unsigned me) {
        if (me < 2) {
            run_loop(me);
            return;
        }
        wait_until_open();
        for (int i = 0; i < 2; ++i) {
            offer([this] {
                if (begun.fetch_add(1) == 0) {
                    sleep_on(&begun);
                } else {
                    wake_all(&begun);
                }
            });
        }
        if (begun.load() != 2) {
            sleep_on(&begun);
            (void)begun.load();
        }
        end_loops();
    }
};

}  // namespace model
