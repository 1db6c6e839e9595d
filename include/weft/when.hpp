// Floor: io
//
// Cases of a select() beside those of select.hpp: time, tasks, descriptors and signals.
//
//     auto first = weft::select(weft::when::received(jobs), weft::when::readable(fd), weft::when::after(1s));
//
// All of these belong to the loop of the thread that selects; but a runtime's tasks may be any loop's.

#pragma once

#include <utility>
#include <weft/detail/task/one_shot.hpp>
#include <weft/loop.hpp>
#include <weft/select.hpp>
#include <weft/signals.hpp>
#include <weft/task.hpp>

namespace weft {

template <class T>
class remote_task;

namespace detail {

/// when::ended of a task of this loop.
class end_of_task : public select_case {
public:
    using result = std::monostate;
    result take() { return {}; }

    [[nodiscard]] bool take_now(branch*& to_wake) final;
    void enlist() final;
    WEFT_MIXED_FN void withdraw() noexcept final;

protected:
    end_of_task(task_state& t, call_site where)
        : select_case(where, "a task's end", t.block), joining_(this, where), task_(t) {}
    ~end_of_task() = default;

private:
    struct joining : joiner {
        joining(end_of_task* c, call_site at);
        end_of_task* whose;
    } joining_;
    task_state& task_;
    bool enlisted_ = false;
};

/// when::ended of a task of any loop.
class one_shot_happened : public select_case {
public:
    using result = std::monostate;
    result take() { return {}; }

    [[nodiscard]] spin_lock* lock() noexcept final { return &what_.lock_; }
    [[nodiscard]] bool take_now(branch*&) final { return what_.done_; }
    void enlist() final { what_.waiters_.push(b); }
    WEFT_MIXED_FN void withdraw() noexcept final;

protected:
    one_shot_happened(one_shot& what, call_site where)
        : select_case(where, "the end of a task of another loop", &what), what_(what) {}
    ~one_shot_happened() = default;

private:
    one_shot& what_;
};

}  // namespace detail

namespace when {

/// A moment has come.
class at : public detail::select_case {
public:
    using result = std::monostate;
    explicit at(moment when, call_site where = call_site::here())
        : select_case(where, "a timer", this), when_(when.when()) {}
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

/// A task has ended: its join() will not wait. Ends the program with a message on another loop than the task's, if
/// somebody waits for the task's end already, and if there is no task. A runtime's task may be waited for on any
/// loop, by one at a time.
template <class Task>
class ended;
template <class T>
ended(task<T>&, call_site = {}) -> ended<task<T>>;
template <class T>
ended(remote_task<T>&, call_site = {}) -> ended<remote_task<T>>;

template <class T>
class ended<task<T>> final : public detail::end_of_task {
public:
    explicit ended(task<T>& t, call_site where = call_site::here())
        : end_of_task(t.state("when::ended", where), where) {}
};

template <class T>
class ended<remote_task<T>> final : public detail::one_shot_happened {
public:
    explicit ended(remote_task<T>& t, call_site where = call_site::here())
        : one_shot_happened(t.state("when::ended", where).happened, where) {}
};

/// A descriptor is ready, or has failed; see wait_readable(). What the system refuses is thrown by the select().
class ready : public detail::select_case {
public:
    using result = std::monostate;
    result take();

    [[nodiscard]] bool take_now(detail::branch*& to_wake) override;
    void enlist() final;
    /// Waits until the kernel no longer uses the descriptor.
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

/// A signal came: its number, or 0 if another waiter was faster.
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

}  // namespace when
}  // namespace weft
