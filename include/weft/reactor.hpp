// Floor: system
//
// The small interface through which a loop uses the system. io_uring and epoll implement it; where neither is
// available, a portable one that knows no descriptors; and a simulated world can take their place
// (tests/io/simulated_reactor.hpp is one).
//
// An operation is owned by whoever waits for it, and is handed to start(). It stays in place, with its buffers, until
// `complete` was called, which poll() does, on the loop's thread. cancel() only asks: the completion still comes, with
// -ECANCELED, or with the operation's result if it was faster.
//
//     operation --start()--> in the reactor's hands --poll()--> complete(operation)
//                                    |     ^
//                                    +-----+ cancel()

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

struct iovec;
struct msghdr;
struct sockaddr;

namespace weft {

struct operation {
    enum class kind : std::uint8_t {
        poll,       ///< fd, flags: wait for POLLIN, POLLOUT, ...; the result is what is ready.
        readv,      ///< fd, iovecs, iovec_count, offset.
        writev,     ///< fd, iovecs, iovec_count, offset, flags: RWF_DSYNC and the like.
        fsync,      ///< fd, flags: 1 for the data alone.
        fallocate,  ///< fd, flags: FALLOC_FL_..., offset, length.
        recvmsg,    ///< fd, message, flags.
        sendmsg,    ///< fd, message, flags.
        accept,     ///< fd; the result is a close-on-exec descriptor.
        connect,    ///< fd, address, address_length; may say -EAGAIN of a Unix listener whose queue is full.
        call  ///< call(argument) on a thread of its own; may block. The result is what it returns. flags: 0 or look_up.
    };

    /// For a call that may wait for other machines, such as a name look-up. Such calls use threads of their own.
    static constexpr int look_up = 1;

    kind what;
    bool expect_to_wait = false;  ///< The descriptor was found not ready: don't try at once.
    int fd = -1;
    int flags = 0;
    std::uint32_t iovec_count = 0;
    std::uint32_t address_length = 0;
    iovec const* iovecs = nullptr;
    msghdr* message = nullptr;
    sockaddr const* address = nullptr;
    std::int64_t (*call)(void*) = nullptr;
    void* argument = nullptr;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    /// For a call that may run for ever. nullptr: the reactor's destructor waits for the call. Otherwise it does not,
    /// and calls drop() instead of complete() if the call was not completed by then; on the call's thread if it had
    /// begun.
    void (*drop)(operation&) noexcept = nullptr;

    std::int64_t result = 0;  ///< Set before complete() is called; -errno if it failed.
    void (*complete)(operation&) noexcept = nullptr;
    void* waiter = nullptr;     ///< complete()'s own.
    operation* next = nullptr;  ///< The reactor's own.
    // The reactor's own:
    bool cancelled = false;
    bool arrived = false;
    bool withdrawn = false;
    bool closes = false;
    bool linked = false;
    std::uint32_t life = 0;
    operation* next_on_fd = nullptr;
    operation* previous_on_fd = nullptr;
};

/// Belongs to one thread: the first that starts, polls or asks for the descriptor; it may have been made on another.
/// An error of the system that only a bug can cause (a descriptor that somebody else has closed) ends the program
/// with a message.
class reactor {
public:
    reactor() = default;
    reactor(reactor const&) = delete;
    reactor& operator=(reactor const&) = delete;
    virtual ~reactor() = default;

    [[nodiscard]] virtual std::string_view name() const = 0;

    /// The time that all of the loop's timers and limits refer to.
    [[nodiscard]] virtual std::chrono::steady_clock::time_point now() const noexcept {
        return std::chrono::steady_clock::now();
    }

    /// Makes the call of a recvmsg or sendmsg immediately, without waiting. Returns its result or -errno; -EAGAIN if
    /// it would have to wait. Nothing is started, and nothing completes later.
    [[nodiscard]] virtual std::int64_t attempt(operation& op) noexcept;

    /// Takes an operation on. Never fails: what the system refuses comes back as the operation's result.
    virtual void start(operation& op) noexcept = 0;

    /// Asks to end an operation that was started and has not completed.
    virtual void cancel(operation& op) noexcept = 0;

    /// Hands over what was started, waits for a completion, a notify() or the end of `timeout` (none: without end), and
    /// completes what is complete. A timeout of zero looks without waiting.
    virtual void poll(std::optional<std::chrono::nanoseconds> timeout) = 0;

    /// Whether a poll() that does not wait would be of use; need not ask the system.
    [[nodiscard]] virtual bool has_work() const noexcept = 0;

    /// Whether worker threads are busy for it: a loop that spins would take processor time from them.
    [[nodiscard]] virtual bool has_threads_at_work() const noexcept { return false; }

    /// Whether all that was started is complete, so that poll() would wait for nothing but a notify(). May always say no.
    [[nodiscard]] virtual bool nothing_under_way() const noexcept { return false; }

    /// Makes the poll() that runs, or the next one, return. From any thread, and from signal handlers.
    virtual void notify() noexcept = 0;

    /// For a loop that another one runs. Readable, as poll(2) has it, after a notify(), and, once hand_over() has returned, as
    /// soon as a poll() would complete something. Always the same. -1: there is none.
    [[nodiscard]] virtual int descriptor() { return -1; }

    /// Hands over what was started, and completes nothing.
    virtual void hand_over() noexcept {}

    /// The descriptor is about to be closed: the operations on it end, with -ECANCELED if they were not faster, and it is
    /// forgotten. They complete in a poll().
    virtual void closing(int fd) noexcept = 0;
};

/// Makes the reactor called `name` ("io_uring", "epoll", "portable"), or, if it is empty, the one that the
/// environment variable WEFT_REACTOR names, or else the best that the running system allows: containers and old
/// kernels deny io_uring. "portable", the only one on Windows, has timers, posted calls and operation::kind::call;
/// what needs a descriptor ends with -ENOSYS. Elsewhere it is chosen only where epoll is denied, not where no
/// descriptors are left.
/// Throws std::system_error when the system refuses it, std::invalid_argument for an unknown name.
[[nodiscard]] std::unique_ptr<reactor> make_reactor(std::string_view name = {});

}  // namespace weft
