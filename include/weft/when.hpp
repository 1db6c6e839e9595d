// Floor: io
//
// What a select() may wait for beside what stands in select.hpp: time, tasks, descriptors and signals.
//
//     auto first = weft::select(weft::when::received(jobs), weft::when::readable(fd), weft::when::after(1s));
//
// All of these belong to the loop of the thread that selects.

#pragma once

#include <utility>
#include <weft/loop.hpp>
#include <weft/select.hpp>
#include <weft/signals.hpp>
#include <weft/task.hpp>

namespace weft::when {

/// A moment has come.
class at : public detail::select_case {
public:
    using result = std::monostate;
    explicit at(moment when, call_site where = call_site::here()) : select_case(where), when_(when.when()) {}
    result take() { return {}; }

    [[nodiscard]] bool take_now(detail::branch*& to_wake) final;
    void enlist() final;
    WEFT_MIXED_FN void withdraw() noexcept final;

private:
    clock::time_point const when_;
    loop* const home_ = &loop::current();
    timer timer_;
};

/// A time has passed.
class after final : public at {
public:
    explicit after(time_span time, call_site where = call_site::here())
        : at(detail::later(detail::time_now(), time.ticks()), where) {}
};

/// A task has ended: its join() will not wait. Ends the program with a message if the task is another loop's, if somebody
/// waits for its end already, and if there is no task.
class ended final : public detail::select_case {
public:
    using result = std::monostate;
    template <class T>
    explicit ended(task<T>& t, call_site where = call_site::here())
        : select_case(where), joining_(this, where), task_(t.state("when::ended", where)) {}
    result take() { return {}; }

    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;
    void enlist() override;
    WEFT_MIXED_FN void withdraw() noexcept override;

private:
    struct joining : detail::joiner {
        joining(ended* c, call_site at);
        ended* whose;
    } joining_;
    detail::task_state& task_;
    bool enlisted_ = false;
};

/// A descriptor is ready, or has failed; see wait_readable(). What the system refuses is thrown by the select().
class ready : public detail::select_case {
public:
    using result = std::monostate;
    result take();

    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;
    void enlist() final;
    /// Waits until the system has let go of the descriptor.
    WEFT_MIXED_FN void withdraw() noexcept final;

protected:
    ready(int fd, int events, call_site where);
    ~ready() = default;

private:
    loop* const home_ = &loop::current();
    operation operation_;
    bool complete_ = false;
    detail::loop_wait* withdrawing_ = nullptr;
};

class readable final : public ready {
public:
    explicit readable(int fd, call_site where = call_site::here());
};

class writable final : public ready {
public:
    explicit writable(int fd, call_site where = call_site::here());
};

/// A signal came: which; 0 if another that waits for it was faster.
class arrived final : public ready {
public:
    using result = int;
    explicit arrived(signals& s, call_site where = call_site::here());
    result take();

    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;

private:
    signals& signals_;
    int which_ = 0;
};

}  // namespace weft::when
