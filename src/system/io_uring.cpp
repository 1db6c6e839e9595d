// Floor: system
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
//
// The kernel lets one thread enter the ring (single issuer): the first that uses the reactor. Until then the ring is disabled.
//
// The submission queue may be full, and the kernel too busy to take anything from it. Nobody waits for that: what finds no
// room is kept in lists, and put into the queue by a later poll().
//
//     start() --> submission queue --> kernel --> completion queue --> poll() --> complete()
//        |               ^
//        +--> late_ -----+ poll()

#include <liburing.h>
#include <weft/detail/base/assert.hpp>
#include <weft/detail/base/list.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <weft/detail/context/sanitizer.hpp>

#include "coroutine/misuse.hpp"
#include "system/blocking_pool.hpp"
#include "system/descriptor_use.hpp"
#include "system/event_descriptor.hpp"
#include "system/make_reactor.hpp"
#include "system/signals_under_tsan.hpp"
#include "wait/thread_sleep.hpp"

namespace weft::detail {
namespace {

constexpr unsigned submission_entries = 512;
constexpr unsigned completion_entries = 4096;
constexpr std::size_t worker_limit = 8;
constexpr std::uint64_t cancellation = 1;
constexpr char const* no_descriptor = "weft: no descriptor for a loop that another one runs";

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

class io_uring_reactor final : public reactor, private descriptor_user {
public:
    io_uring_reactor() {
        io_uring_params params{};
        params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL |
                       IORING_SETUP_R_DISABLED | deferred_work;
        params.cq_entries = completion_entries;
        if (int error = io_uring_queue_init_params(submission_entries, &ring_, &params); error < 0) {
            refuse(error, "weft: io_uring is not available");
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
    ~io_uring_reactor() override {
        forget_me();
        end();
    }

    [[nodiscard]] std::string_view name() const override { return "io_uring"; }

    void start(operation& op) noexcept override {
        op.life = op.fd >= 0 ? use(op.fd) : 0;
        if (for_worker(op)) {
            pool_.start(op);
            return;
        }
        ++under_way_;
        op.cancelled = op.arrived = op.withdrawn = op.linked = false;
        if (!link(op)) {
            op.result = -ENOMEM;
            finished_.push(op);
        } else if (!late_.empty() || !put(op)) {
            late_.push(op);
        }
    }

    void cancel(operation& op) noexcept override {
        if (for_worker(op)) {
            pool_.cancel(op);
        } else if (late_.remove(op)) {
            op.result = -ECANCELED;
            finished_.push(op);
        } else {
            op.cancelled = true;
            if (!late_cancellations_.empty() || !put_cancellation(op)) {
                late_cancellations_.push(op);
            }
        }
        if (news_) {  // another loop runs this one, and may be between two of its turns
            notify();
        }
    }

    void poll(std::optional<std::chrono::nanoseconds> timeout) override {
        begin();
        end_what_others_closed();
        if (news_) {
            news_->clear();
            wake_.clear();
        }
        pool_.hand_over();
        refused_ = false;
        put_late();
        if (io_uring_cq_ready(&ring_) == 0) {
            enter(finished_.empty() ? timeout : std::chrono::nanoseconds(0));
            if (refused_ && timeout != std::chrono::nanoseconds(0)) {
                pause();
            }
        } else if (io_uring_sq_ready(&ring_) != 0) {
            check(io_uring_submit_and_get_events(&ring_));
        }
        complete_all();
        intrusive_queue<operation> finished = std::move(finished_);
        while (!finished.empty()) {
            complete(finished.pop());
        }
        pool_.complete_finished();
    }

    [[nodiscard]] bool has_work() const noexcept override {
        return pool_.has_started() || !finished_.empty() || has_late() || io_uring_sq_ready(&ring_) != 0 ||
               io_uring_cq_ready(&ring_) != 0 ||
               (__atomic_load_n(ring_.sq.kflags, __ATOMIC_RELAXED) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
    }

    [[nodiscard]] bool has_threads_at_work() const noexcept override { return pool_.at_work(); }

    [[nodiscard]] bool nothing_under_way() const noexcept override {
        return under_way_ == 0 && !pool_.has_started() && !pool_.at_work();
    }

    void notify() noexcept override { wake_.set(); }

    /// Not the ring's own: poll(2) is not told there of work that waits for us to enter the kernel. An eventfd is. But what
    /// the write to another eventfd sets off it tells late, or never (Linux 6.18), so notify()'s is there beside it.
    [[nodiscard]] int descriptor() override {
        if (!both_) {
            begin();
            auto both = std::make_unique<descriptor_owner>(epoll_create1(EPOLL_CLOEXEC), no_descriptor);
            for (int fd : {wake_.fd(), news_.emplace().fd()}) {
                epoll_event event{EPOLLIN, {}};
                if (epoll_ctl(both->fd, EPOLL_CTL_ADD, fd, &event) != 0) {
                    refuse(-errno, no_descriptor);
                }
            }
            if (int error = io_uring_register_eventfd(&ring_, news_->fd()); error < 0) {
                refuse(error, no_descriptor);
            }
            both_ = std::move(both);
        }
        return both_->fd;
    }

    void hand_over() noexcept override {
        pool_.hand_over();
        end_what_others_closed();
        put_late();
        // The eventfd tells of the first piece of work that waits, and of no other until that was done.
        check(io_uring_submit_and_get_events(&ring_));
        if (news_ && (io_uring_cq_ready(&ring_) != 0 || !finished_.empty() || has_late())) {
            news_->set();
        }
    }

    void closing(int fd) noexcept override {
        pool_.closing(fd);
        auto index = static_cast<std::size_t>(fd);
        if (index < on_.size() && on_[index].first != nullptr) {
            withdraw_all(on_[index]);
            begin();
            check(io_uring_submit_and_get_events(&ring_));  // the kernel lets go of the file now
            notify();                                       // it may be between two turns of the loop
        }
    }

    bool closed(int fd, bool closes) noexcept override {
        if (on_own_thread()) {
            closing(fd);
        } else {
            remember_closed(fd);
            notify();
        }
        return pool_.closed(fd, closes);
    }

private:
    /// The operations on a descriptor that the kernel has, or is to get.
    struct operations {
        operation* first = nullptr;
        std::uint32_t life = 0;  ///< Of the descriptor that is meant.
    };

    /// Returns false if there is no memory.
    bool link(operation& op) noexcept {
        auto index = static_cast<std::size_t>(op.fd);
        if (op.fd < 0) {
            return true;  // the kernel says what is wrong
        }
        try {
            if (index >= on_.size()) {
                on_.resize(index + 64);
            }
        } catch (std::bad_alloc const&) {
            return false;
        }
        operations& on = on_[index];
        begin_life(on, op.life);
        op.linked = true;
        op.previous_on_fd = nullptr;
        op.next_on_fd = on.first;
        if (on.first != nullptr) {
            on.first->previous_on_fd = &op;
        }
        on.first = &op;
        return true;
    }

    void unlink(operation& op) noexcept {
        if (!std::exchange(op.linked, false)) {
            return;
        }
        operation*& before =
            op.previous_on_fd != nullptr ? op.previous_on_fd->next_on_fd : on_[static_cast<std::size_t>(op.fd)].first;
        before = op.next_on_fd;
        if (op.next_on_fd != nullptr) {
            op.next_on_fd->previous_on_fd = op.previous_on_fd;
        }
    }

    /// Their descriptor is closed. What the kernel has not seen yet it must not look for: it would find what has the number
    /// then.
    void withdraw_all(operations& on) noexcept {
        while (on.first != nullptr) {
            operation& op = *on.first;
            unlink(op);
            if (io_uring_sqe* sqe = not_submitted(op)) {
                io_uring_prep_nop(sqe);
                io_uring_sqe_set_data(sqe, &op);
                op.withdrawn = true;
            } else if (!op.cancelled) {
                cancel(op);
            }
        }
    }

    /// The entry of the submission queue that is about `op`; nullptr if there is none any more.
    io_uring_sqe* not_submitted(operation const& op) noexcept {
        unsigned tail = ring_.sq.sqe_tail;
        for (unsigned i = __atomic_load_n(ring_.sq.khead, __ATOMIC_ACQUIRE); i != tail; ++i) {
            io_uring_sqe& sqe = ring_.sq.sqes[i & *ring_.sq.kring_mask];
            if (sqe.user_data == reinterpret_cast<std::uintptr_t>(&op)) {
                return &sqe;
            }
        }
        return nullptr;
    }

    /// The number is that of another file than it was.
    void begin_life(operations& on, std::uint32_t life) noexcept {
        if (on.life != life) {
            on.life = life;
            withdraw_all(on);
        }
    }

    void end_what_others_closed() noexcept {
        for_each_closed([this](int fd) {
            std::size_t first = fd < 0 ? 0 : static_cast<std::size_t>(fd);
            std::size_t end = fd < 0 ? on_.size() : std::min(first + 1, on_.size());
            for (; first < end; ++first) {
                begin_life(on_[first], life_of(static_cast<int>(first)));
            }
        });
    }

    void end() noexcept {
        before_later_rings();
        io_uring_queue_exit(&ring_);
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
        // The kernel lets nobody enter a ring that is disabled; whoever denies the call says something else.
        if (syscall(__NR_io_uring_enter, ring_.ring_fd, 0, 0, 0, nullptr, 0) >= 0 || errno != EBADFD) {
            refuse(-errno, "weft: io_uring can't be entered");
        }
    }

    /// From here on the calling thread is the only one that may enter the ring.
    void begin() noexcept {
        if (begun_) [[likely]] {
            return;
        }
        begun_ = true;
        // io_uring_enable_rings(), which liburing 2.3 declares and does not export.
        if (syscall(__NR_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) < 0) {
            die({}, "io_uring_register(IORING_REGISTER_ENABLE_RINGS) failed: " + message_of(errno));
        }
    }

    /// The result of what enters the kernel.
    void check(int result) noexcept {
        if (result >= 0 || result == -EINTR || result == -ETIME) [[likely]] {
            return;
        }
        if (result == -EAGAIN || result == -EBUSY) {  // no memory; completions that have to be taken first
            refused_ = true;
            return;
        }
        die({},
            "io_uring_enter() failed: " + message_of(-result) +
                (result == -EEXIST ? "; a reactor belongs to the first thread that uses it, and this is another" : ""));
    }

    static std::string message_of(int error) { return std::generic_category().message(error); }

    /// The kernel took nothing: not again at once.
    void pause() const noexcept {
        pollfd one{.fd = wake_.fd(), .events = POLLIN, .revents = 0};
        ::poll(&one, 1, 1);
    }

    /// Buffered writes are among them: most file systems can't do those without blocking, so that the kernel would hand
    /// each to a thread of its own, and wake us for each.
    static bool for_worker(operation const& op) {
        return op.what == operation::kind::call || (op.what == operation::kind::writev && op.flags == 0);
    }

    void watch_wake() noexcept {
        io_uring_sqe* sqe = entry();
        watches_wake_ = sqe != nullptr;
        if (watches_wake_) {
            io_uring_prep_poll_multishot(sqe, wake_.fd(), POLLIN);
            io_uring_sqe_set_data(sqe, this);
        }
    }

    /// Waits. Submits, whether it waits or not.
    void enter(std::optional<std::chrono::nanoseconds> timeout) noexcept {
        io_uring_cqe* unused = nullptr;
        if (has_late()) {  // it must not wait behind the others
            timeout = std::chrono::nanoseconds(0);
        }
#if defined(WEFT_TSAN)
        check(io_uring_submit_and_get_events(&ring_));
        timeout = sleep_on(ring_.ring_fd, timeout);
#endif
        if (!timeout) {
            check(io_uring_submit_and_wait(&ring_, 1));
        } else if (timeout->count() == 0) {
            check(io_uring_submit_and_get_events(&ring_));
        } else {
            auto limit = kernel_time<__kernel_timespec>(*timeout);
            check(io_uring_submit_and_wait_timeout(&ring_, &unused, 1, &limit, nullptr));
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
                // EINTR: so says what one of the kernel's threads was at.
                op.result = result == -EINTR || op.withdrawn ? -ECANCELED : result;
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
        WEFT_ASSERT(under_way_ > 0, "an operation to complete once", &op);
        --under_way_;
        unlink(op);
        settle(op);
        op.complete(op);
    }

    /// The queue's next entry; nullptr if it is full and the kernel takes nothing from it now.
    io_uring_sqe* entry() noexcept {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
        if (sqe == nullptr) {  // hand over what there is, which makes room
            begin();
            check(io_uring_submit(&ring_));
            sqe = io_uring_get_sqe(&ring_);
        }
        return sqe;
    }

    [[nodiscard]] bool put(operation& op) noexcept {
        io_uring_sqe* sqe = entry();
        if (sqe != nullptr) {
            prepare(*sqe, op);
            io_uring_sqe_set_data(sqe, &op);
        }
        return sqe != nullptr;
    }

    [[nodiscard]] bool put_cancellation(operation& op) noexcept {
        io_uring_sqe* sqe = entry();
        if (sqe != nullptr) {
            io_uring_prep_cancel(sqe, &op, 0);
            io_uring_sqe_set_data64(sqe, reinterpret_cast<std::uintptr_t>(&op) | cancellation);
        }
        return sqe != nullptr;
    }

    [[nodiscard]] bool has_late() const noexcept {
        return !watches_wake_ || !late_.empty() || !late_cancellations_.empty();
    }

    /// What found no room before, as far as there is some now.
    void put_late() noexcept {
        if (!has_late()) [[likely]] {
            return;
        }
        if (!watches_wake_) {
            watch_wake();
        }
        while (!late_cancellations_.empty() && put_cancellation(*late_cancellations_.first())) {
            late_cancellations_.pop();
        }
        while (!late_.empty() && put(*late_.first())) {
            late_.pop();
        }
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
    std::unique_ptr<descriptor_owner> both_;  ///< Readable if one of those two is.
    std::vector<operations> on_;              ///< By descriptor.
    bool begun_ = false;
    bool watches_wake_ = false;
    bool refused_ = false;                           ///< The kernel took nothing, the last time.
    intrusive_queue<operation> late_;                ///< Not yet in the submission queue;
    intrusive_queue<operation> late_cancellations_;  ///< of these the cancellations are not.
    intrusive_queue<operation> finished_;            ///< Without the kernel.
    std::size_t under_way_ = 0;  ///< What was started and not completed, beside what the workers have.
    blocking_pool pool_{*this, worker_limit};
};

}  // namespace

std::unique_ptr<reactor> make_io_uring_reactor() {
    return std::make_unique<io_uring_reactor>();
}

}  // namespace weft::detail
