// Floor: system
//
// The reactor on epoll. Descriptors are watched edge-triggered, from their first operation that has to wait until they
// are closed: one epoll_ctl() each.
//
// An edge tells that a descriptor became ready after it was not. So an operation is always tried before it waits, and
// what waits is tried again at each edge: an edge that comes between the two is kept in the kernel until poll().
// Operations that block instead (files) go to worker threads.

#include <fcntl.h>
#include <sys/epoll.h>
#include <weft/detail/base/assert.hpp>
#include <weft/detail/base/list.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "coroutine/misuse.hpp"
#include "system/blocking_pool.hpp"
#include "system/call_kernel.hpp"
#include "system/descriptor_use.hpp"
#include "system/event_descriptor.hpp"
#include "system/make_reactor.hpp"
#include "system/signals_under_tsan.hpp"
#include "wait/thread_sleep.hpp"

namespace weft::detail {
namespace {

constexpr std::size_t worker_limit = 8;

class epoll_reactor final : public reactor, private descriptor_user {
public:
    epoll_reactor() {
        epoll_event event{EPOLLIN, {.fd = wake_.fd()}};
        if (epoll_ctl(epoll_.fd, EPOLL_CTL_ADD, wake_.fd(), &event) != 0) {
            throw std::system_error(errno, std::generic_category(), "weft: epoll can't watch an eventfd");
        }
    }

    ~epoll_reactor() override { forget_me(); }

    [[nodiscard]] std::string_view name() const override { return "epoll"; }

    void start(operation& op) noexcept override {
        op.life = op.fd >= 0 ? use(op.fd) : 0;
        if (blocks(op)) {
            pool_.start(op);
            return;
        }
        ++under_way_;
        if (int error = watch(op); error != 0) {
            // A file can't be watched, and need not be: it is always ready.
            op.result = error == -EPERM && op.what == operation::kind::poll ? call_kernel(op) : error;
            finished_.push(op);
            return;
        }
        // It may be ready already: its edge may have passed before anybody watched.
        if (!is_done(op)) {
            list_of(op).push(op);
            return;
        }
        finished_.push(op);
        if (op.what == operation::kind::poll) {
            forget_if_foreign(op.fd);
        }
    }

    void cancel(operation& op) noexcept override {
        if (blocks(op)) {
            pool_.cancel(op);
            return;
        }
        auto index = static_cast<std::size_t>(op.fd);
        if (index < watched_.size() && list_of(op).remove(op)) {
            end(op);
            if (in_another_loop_) {  // which may be between two turns of this one
                notify();
            }
            if (op.what == operation::kind::poll) {
                forget_if_foreign(op.fd);
            }
        }
    }

    void poll(std::optional<std::chrono::nanoseconds> timeout) override {
        pool_.hand_over();
        std::array<epoll_event, 256> events;
        int count = wait(events.data(), events.size(), finished_.empty() ? timeout : std::chrono::nanoseconds(0));
        for (int i = 0; i < count; ++i) {
            auto const& event = events[static_cast<std::size_t>(i)];
            if (event.data.fd == wake_.fd()) {
                wake_.clear();
                continue;
            }
            auto& descriptor = watched_[static_cast<std::size_t>(event.data.fd)];
            bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
            if (broken || (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI)) != 0) {
                retry(descriptor.readers);
            }
            if (broken || (event.events & EPOLLOUT) != 0) {
                retry(descriptor.writers);
            }
        }
        end_what_others_closed();
        intrusive_queue<operation> done = std::move(finished_);
        while (!done.empty()) {
            operation& op = done.pop();
            WEFT_ASSERT(under_way_ > 0, "an operation to complete once", &op);
            --under_way_;
            settle(op);
            op.complete(op);
        }
        pool_.complete_finished();
    }

    [[nodiscard]] bool has_work() const noexcept override { return true; }  // the kernel alone knows

    [[nodiscard]] bool has_threads_at_work() const noexcept override { return pool_.at_work(); }

    [[nodiscard]] bool nothing_under_way() const noexcept override {
        return under_way_ == 0 && !pool_.has_started() && !pool_.at_work();
    }

    void notify() noexcept override { wake_.set(); }

    [[nodiscard]] int descriptor() override {
        in_another_loop_ = true;
        return epoll_.fd;
    }

    void hand_over() noexcept override {
        pool_.hand_over();
        if (!finished_.empty()) {
            notify();
        }
    }

    void closing(int fd) noexcept override {
        pool_.closing(fd);
        auto index = static_cast<std::size_t>(fd);
        if (index >= watched_.size()) {
            return;
        }
        if (watched_[index].added) {
            unwatch(fd);
        }
        end_all(watched_[index]);
    }

    bool closed(int fd, bool closes) noexcept override {
        if (on_own_thread()) {
            closing(fd);
        } else {
            epoll_ctl(epoll_.fd, EPOLL_CTL_DEL, fd, nullptr);  // a duplicate would keep it in the set
            remember_closed(fd);
            notify();
        }
        return pool_.closed(fd, closes);
    }

private:
    struct watched {
        bool added = false;
        std::uint32_t life = 0;  ///< Of the descriptor that is meant.
        intrusive_queue<operation> readers;
        intrusive_queue<operation> writers;
    };

    void end(operation& op) noexcept {
        op.result = -ECANCELED;
        finished_.push(op);
    }

    /// Those on a descriptor that is closed.
    void end_all(watched& w) noexcept {
        if (w.readers.empty() && w.writers.empty()) {
            return;
        }
        for (intrusive_queue<operation>* list : {&w.readers, &w.writers}) {
            while (!list->empty()) {
                end(list->pop());
            }
        }
        notify();  // it may be between two turns of the loop
    }

    /// The number is that of another file than it was.
    void begin_life(watched& w, std::uint32_t life) noexcept {
        if (w.life != life) {
            w.life = life;
            w.added = false;
            end_all(w);
        }
    }

    void end_what_others_closed() noexcept {
        for_each_closed([this](int fd) {
            std::size_t first = fd < 0 ? 0 : static_cast<std::size_t>(fd);
            std::size_t end = fd < 0 ? watched_.size() : std::min(first + 1, watched_.size());
            for (; first < end; ++first) {
                begin_life(watched_[first], life_of(static_cast<int>(first)));
            }
        });
    }

    void unwatch(int fd) noexcept {
        watched_[static_cast<std::size_t>(fd)].added = false;
        epoll_ctl(epoll_.fd, EPOLL_CTL_DEL, fd, nullptr);  // a duplicate would keep it in the set
    }

    int watch(operation const& op) noexcept {
        int fd = op.fd;
        auto index = static_cast<std::size_t>(fd);
        if (fd < 0) {
            return -EBADF;
        }
        try {
            if (index >= watched_.size()) {
                watched_.resize(index + 64);
            }
        } catch (std::bad_alloc const&) {
            return -ENOMEM;
        }
        begin_life(watched_[index], op.life);
        if (watched_[index].added) {
            return 0;
        }
        epoll_event event{EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET, {.fd = fd}};
        if (epoll_ctl(epoll_.fd, EPOLL_CTL_ADD, fd, &event) != 0 && errno != EEXIST) {
            return -errno;
        }
        watched_[index].added = true;
        if (op.what == operation::kind::accept || op.what == operation::kind::connect) {
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);  // the two calls that take no MSG_DONTWAIT
        }
        return 0;
    }

    intrusive_queue<operation>& list_of(operation const& op) {
        auto& descriptor = watched_[static_cast<std::size_t>(op.fd)];
        switch (op.what) {
            case operation::kind::sendmsg:
            case operation::kind::connect:
                return descriptor.writers;
            case operation::kind::poll:
                return (op.flags & EPOLLOUT) != 0 ? descriptor.writers : descriptor.readers;
            default:
                return descriptor.readers;
        }
    }

    /// A descriptor that was waited for with `poll` is its owner's, who may close it without a word: it is watched no
    /// longer than that.
    void forget_if_foreign(int fd) noexcept {
        auto const& descriptor = watched_[static_cast<std::size_t>(fd)];
        if (descriptor.added && descriptor.readers.empty() && descriptor.writers.empty()) {
            unwatch(fd);
        }
    }

    /// Tries it. If it need not wait, its result is set.
    bool is_done(operation& op) noexcept {
        std::int64_t result = call_kernel(op);
        bool connects = op.what == operation::kind::connect;
        // A connect() says EAGAIN where no event will tell that it would be different: a Unix listener's queue is full.
        if ((result == -EAGAIN && !connects) || result == -EINPROGRESS || result == -EALREADY) {
            return false;
        }
        op.result = connects && result == -EISCONN ? 0 : result;
        return true;
    }

    void retry(intrusive_queue<operation>& list) noexcept {
        int foreign = -1;
        finished_.append(list.take_if([&](operation& op) {
            bool done = is_done(op);
            foreign = done && op.what == operation::kind::poll ? op.fd : foreign;
            return done;
        }));
        if (foreign >= 0) {  // only now: those that finished together must not keep it for each other
            forget_if_foreign(foreign);
        }
    }

    int wait(epoll_event* events, std::size_t size, std::optional<std::chrono::nanoseconds> timeout) {
        timespec limit{};
#if defined(WEFT_TSAN)
        timeout = sleep_on(epoll_.fd, timeout);
#endif
        if (timeout) {
            limit = kernel_time<timespec>(*timeout);
        }
        int count = -1;
        if (has_pwait2_) {
            count = epoll_pwait2(epoll_.fd, events, static_cast<int>(size), timeout ? &limit : nullptr, nullptr);
            // Before Linux 5.11 it is missing; a container's filter may say anything, and may be put on at any time.
            has_pwait2_ = count >= 0 || errno == EINTR;
        }
        if (!has_pwait2_) {
            count = epoll_wait(epoll_.fd, events, static_cast<int>(size), in_milliseconds(timeout));
        }
        if (count < 0 && errno != EINTR) {
            die({}, "epoll_wait() failed: " + std::generic_category().message(errno));
        }
        return std::max(count, 0);
    }

    /// Rounded up; what is too long for epoll_wait() is waited for in parts, as the loop comes back.
    static int in_milliseconds(std::optional<std::chrono::nanoseconds> timeout) {
        auto whole = timeout ? std::chrono::ceil<std::chrono::milliseconds>(*timeout).count() : -1;
        return static_cast<int>(std::min<std::int64_t>(whole, std::numeric_limits<int>::max()));
    }

    descriptor_owner const epoll_{epoll_create1(EPOLL_CLOEXEC), "weft: no epoll descriptor"};
    event_descriptor wake_;
    bool has_pwait2_ = true;
    bool in_another_loop_ = false;
    std::vector<watched> watched_;
    intrusive_queue<operation> finished_;
    std::size_t under_way_ = 0;  ///< What was started and not completed, beside what the workers have.
    blocking_pool pool_{*this, worker_limit};
};

}  // namespace

std::unique_ptr<reactor> make_epoll_reactor() {
    return std::make_unique<epoll_reactor>();
}

}  // namespace weft::detail
