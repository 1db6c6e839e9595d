// Floor 4: loop
//
// The reactor on io_uring: single issuer, deferred task work, one submission a turn.
//
// Sockets stay in blocking mode: on a non-blocking one io_uring answers -EAGAIN instead of waiting.
//
// An operation's address is its completion's user data; that of its cancellation has the lowest bit set. The eventfd's
// completions bear the address of the reactor.
//
// The kernel does not find an operation that is on its way from one of its hands to the other, from its poll to a thread for
// instance. Then the cancellation is asked for again. So that there is something to ask for, a cancelled operation is
// complete only when both its own completion and its cancellation's have come:
//
//     op.cancelled: its cancellation is out       op.arrived: its own completion has come meanwhile

#include <liburing.h>

#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <weft/detail/sanitizer.hpp>

#include "loop/event_descriptor.hpp"
#include "loop/make_reactor.hpp"
#include "loop/signals_under_tsan.hpp"
#include "loop/workers.hpp"

namespace weft::detail {
namespace {

constexpr unsigned submission_entries = 512;
constexpr unsigned completion_entries = 4096;
constexpr std::size_t worker_limit = 8;
constexpr std::uint64_t cancellation = 1;

[[noreturn]] void refuse(int error, char const* what) {
    throw std::system_error(-error, std::generic_category(), what);
}

// liburing maps and unmaps by system calls of its own, so that ThreadSanitizer takes a new ring for the one that another
// thread had at that address. The kernel puts the one after the end of the other.
#if defined(WEFT_TSAN)
constexpr unsigned deferred_work = 0;  // poll() in sleep_on() would not be told of it
char order_of_rings;
void after_earlier_rings() {
    __tsan_acquire(&order_of_rings);
}
void before_later_rings() {
    __tsan_release(&order_of_rings);
}
#else
constexpr unsigned deferred_work = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;
void after_earlier_rings() {}
void before_later_rings() {}
#endif

class io_uring_reactor final : public reactor {
public:
    io_uring_reactor() {
        io_uring_params params{};
        params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | deferred_work;
        params.cq_entries = completion_entries;
        if (int error = io_uring_queue_init_params(submission_entries, &ring_, &params); error < 0) {
            refuse(error, "weft: io_uring can't be had");
        }
        after_earlier_rings();
        try {
            probe();
        } catch (...) {
            end();
            throw;
        }
        watch_wake();
    }
    ~io_uring_reactor() override { end(); }

    [[nodiscard]] std::string_view name() const override { return "io_uring"; }

    void start(operation& op) noexcept override {
        if (for_worker(op)) {
            workers_.start(op);
            return;
        }
        ++under_way_;
        op.cancelled = op.arrived = false;
        io_uring_sqe* sqe = next_entry();
        prepare(*sqe, op);
        io_uring_sqe_set_data(sqe, &op);
    }

    void cancel(operation& op) noexcept override {
        if (for_worker(op)) {
            workers_.cancel(op);
            return;
        }
        op.cancelled = true;
        io_uring_sqe* sqe = next_entry();
        io_uring_prep_cancel(sqe, &op, 0);
        io_uring_sqe_set_data64(sqe, reinterpret_cast<std::uintptr_t>(&op) | cancellation);
    }

    void poll(std::optional<std::chrono::nanoseconds> timeout) override {
        if (news_) {
            news_->clear();
            wake_.clear();
        }
        workers_.hand_over();
        if (io_uring_cq_ready(&ring_) == 0) {
            enter(timeout);
        } else if (io_uring_sq_ready(&ring_) != 0) {
            io_uring_submit_and_get_events(&ring_);
        }
        complete_all();
        workers_.complete_finished();
    }

    [[nodiscard]] bool has_work() const noexcept override {
        return workers_.has_started() || io_uring_sq_ready(&ring_) != 0 || io_uring_cq_ready(&ring_) != 0 ||
               (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
    }

    [[nodiscard]] bool has_threads_at_work() const noexcept override { return workers_.at_work(); }

    [[nodiscard]] bool nothing_under_way() const noexcept override {
        return under_way_ == 0 && !workers_.has_started() && !workers_.at_work();
    }

    void notify() noexcept override { wake_.set(); }

    /// Not the ring's own: poll(2) is not told there of work that waits for us to enter the kernel. An eventfd is. But what
    /// the write to another eventfd sets off it tells late, or never (Linux 6.18), so notify()'s is there beside it.
    [[nodiscard]] int descriptor() override {
        if (both_ < 0) {
            news_.emplace();
            both_ = epoll_create1(EPOLL_CLOEXEC);
            epoll_event event{EPOLLIN, {}};
            if (both_ < 0 || epoll_ctl(both_, EPOLL_CTL_ADD, wake_.fd(), &event) != 0 ||
                epoll_ctl(both_, EPOLL_CTL_ADD, news_->fd(), &event) != 0 ||
                io_uring_register_eventfd(&ring_, news_->fd()) < 0) {
                refuse(-errno, "weft: no descriptor for a loop that another one runs");
            }
        }
        return both_;
    }

    void hand_over() noexcept override {
        workers_.hand_over();
        // The eventfd tells of the first piece of work that waits, and of no other until that was done.
        io_uring_submit_and_get_events(&ring_);
        if (news_ && io_uring_cq_ready(&ring_) != 0) {
            news_->set();
        }
    }

    void closing(int) noexcept override {}

private:
    void end() noexcept {
        before_later_rings();
        io_uring_queue_exit(&ring_);
        if (both_ >= 0) {
            ::close(both_);
        }
    }

    void probe() {
        io_uring_probe* found = io_uring_get_probe_ring(&ring_);
        if (found == nullptr) {
            refuse(-ENOSYS, "weft: io_uring can't be probed");
        }
        bool all = true;
        for (int wanted :
             {IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC, IORING_OP_FALLOCATE, IORING_OP_RECVMSG,
              IORING_OP_SENDMSG, IORING_OP_ACCEPT, IORING_OP_CONNECT, IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL}) {
            all = all && io_uring_opcode_supported(found, wanted) != 0;
        }
        io_uring_free_probe(found);
        if (!all) {
            refuse(-ENOSYS, "weft: this kernel's io_uring lacks operations");
        }
    }

    /// Buffered writes are among them: most file systems can't do those without blocking, so that the kernel would hand
    /// each to a thread of its own, and wake us for each.
    static bool for_worker(operation const& op) {
        return op.what == operation::kind::call || (op.what == operation::kind::writev && op.flags == 0);
    }

    void watch_wake() noexcept {
        io_uring_sqe* sqe = next_entry();
        io_uring_prep_poll_multishot(sqe, wake_.fd(), POLLIN);
        io_uring_sqe_set_data(sqe, this);
    }

    /// Waits. Submits, whether it waits or not.
    void enter(std::optional<std::chrono::nanoseconds> timeout) noexcept {
        io_uring_cqe* unused = nullptr;
#if defined(WEFT_TSAN)
        io_uring_submit_and_get_events(&ring_);
        timeout = sleep_on(ring_.ring_fd, timeout);
#endif
        if (!timeout) {
            io_uring_submit_and_wait(&ring_, 1);
        } else if (timeout->count() == 0) {
            io_uring_submit_and_get_events(&ring_);
        } else {
            auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*timeout);
            __kernel_timespec limit{seconds.count(), (*timeout - seconds).count()};
            io_uring_submit_and_wait_timeout(&ring_, &unused, 1, &limit, nullptr);
        }
    }

    void complete_all() noexcept {
        // A completion may start operations, and they may complete at once: no more than are here now.
        for (unsigned left = io_uring_cq_ready(&ring_); left > 0; --left) {
            io_uring_cqe* cqe = nullptr;
            if (io_uring_peek_cqe(&ring_, &cqe) != 0) {
                return;
            }
            std::uint64_t data = io_uring_cqe_get_data64(cqe);
            std::int64_t result = cqe->res;
            bool more = (cqe->flags & IORING_CQE_F_MORE) != 0;
            io_uring_cqe_seen(&ring_, cqe);
            if (data == reinterpret_cast<std::uintptr_t>(this)) {
                wake_.clear();
                if (!more) {
                    watch_wake();
                }
            } else if ((data & cancellation) != 0) {
                cancellation_ended(*reinterpret_cast<operation*>(data & ~cancellation), result);
            } else {
                auto& op = *reinterpret_cast<operation*>(data);
                op.result = result == -EINTR ? -ECANCELED : result;  // so says what one of the kernel's threads was at
                op.arrived = true;
                if (!op.cancelled) {
                    complete(op);
                }
            }
        }
    }

    void cancellation_ended(operation& op, std::int64_t result) noexcept {
        op.cancelled = false;
        if (op.arrived) {
            complete(op);
        } else if (result == -ENOENT) {
            cancel(op);
        }
    }

    void complete(operation& op) noexcept {
        --under_way_;
        op.complete(op);
    }

    io_uring_sqe* next_entry() noexcept {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        while (sqe == nullptr) {  // full: hand over what there is, which makes room
            io_uring_submit(&ring_);
            sqe = io_uring_get_sqe(&ring_);
        }
        return sqe;
    }

    static void prepare(io_uring_sqe& sqe, operation& op) noexcept {
        switch (op.what) {
            case operation::kind::poll:
                io_uring_prep_poll_add(&sqe, op.fd, static_cast<unsigned>(op.flags));
                break;
            case operation::kind::readv:
                io_uring_prep_readv2(&sqe, op.fd, op.iovecs, op.iovec_count, op.offset, op.flags);
                break;
            case operation::kind::writev:
                io_uring_prep_writev2(&sqe, op.fd, op.iovecs, op.iovec_count, op.offset, op.flags);
                break;
            case operation::kind::fsync:
                io_uring_prep_fsync(&sqe, op.fd, op.flags != 0 ? IORING_FSYNC_DATASYNC : 0);
                break;
            case operation::kind::fallocate:
                io_uring_prep_fallocate(&sqe, op.fd, op.flags, op.offset, op.length);
                break;
            case operation::kind::recvmsg:
                io_uring_prep_recvmsg(&sqe, op.fd, op.message, static_cast<unsigned>(op.flags));
                sqe.ioprio = op.expect_to_wait ? IORING_RECVSEND_POLL_FIRST : 0;
                break;
            case operation::kind::sendmsg:
                io_uring_prep_sendmsg(&sqe, op.fd, op.message, static_cast<unsigned>(op.flags) | MSG_NOSIGNAL);
                sqe.ioprio = op.expect_to_wait ? IORING_RECVSEND_POLL_FIRST : 0;
                break;
            case operation::kind::accept:
                io_uring_prep_accept(&sqe, op.fd, nullptr, nullptr, SOCK_CLOEXEC);
                break;
            case operation::kind::connect:
                io_uring_prep_connect(&sqe, op.fd, op.address, op.address_length);
                break;
            case operation::kind::call:
                break;  // for_worker()
        }
    }

    io_uring ring_{};
    event_descriptor wake_;
    std::optional<event_descriptor> news_;
    int both_ = -1;
    std::size_t under_way_ = 0;  ///< What was started and not completed, beside what the workers have.
    workers workers_{*this, worker_limit};
};

}  // namespace

std::unique_ptr<reactor> make_io_uring_reactor() {
    return std::make_unique<io_uring_reactor>();
}

}  // namespace weft::detail
