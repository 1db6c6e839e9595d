// Floor: loop
//
// Two threads, and what passes between them:
//
//     the detector's                                   the loop's
//     looks: the same turn as the last time?
//         for half the limit: asked = 1, a signal ---> its handler: asked was 1? asked = 0; writes the sample; ++answers
//     looks: a new answer? the same run as before?
//         for the limit: reports it
//
// The handler writes the sample only if it was asked, and it is asked again only after the answer was read: so nobody writes
// what another reads. (That it is no longer asked does not tell that it has written all.) Turns are counted by the loop; a run
// is told from the next by how many are left in the turn.

#include <weft/stall_detector.hpp>

#include <cxxabi.h>
#include <dlfcn.h>
#include <unistd.h>
#include <unwind.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "context/machine_state.hpp"
#include "coroutine/misuse.hpp"
#include "loop/fork.hpp"
#include "loop/loop_access.hpp"
#include "system/quiet_thread.hpp"

namespace weft {
namespace {

/// One coroutine's time from an enter by the loop to its next suspension.
struct run_of_loop {
    std::uint64_t turn = 0;
    std::uint64_t runs_left = 0;
    void const* coroutine = nullptr;
    bool operator==(run_of_loop const&) const = default;
};

/// What the handler has found.
struct sample {
    bool in_call = false;
    run_of_loop run;
    std::uint64_t coroutine_id = 0;
    call_site suspended_at;
    detail::fixed_text who;
    std::array<void*, 64> call_stack;
    std::size_t depth = 0;
};

/// From the instruction that the signal has interrupted on: what lies above is the handler's.
void find_call_stack(sample& s, std::uintptr_t interrupted) noexcept {
    struct walk {
        sample& into;
        std::uintptr_t from;
    } w{s, interrupted};
    s.depth = 0;
    _Unwind_Backtrace(
        [](_Unwind_Context* at, void* argument) -> _Unwind_Reason_Code {
            auto& [into, from] = *static_cast<walk*>(argument);
            auto address = static_cast<std::uintptr_t>(_Unwind_GetIP(at));
            if ((into.depth == 0 && address != from) || address == 0) {
                return _URC_NO_REASON;
            }
            into.call_stack[into.depth++] = reinterpret_cast<void*>(address);
            return into.depth < into.call_stack.size() ? _URC_NO_REASON : _URC_END_OF_STACK;
        },
        &w);
    if (s.depth == 0) {  // the unwinder does not get past a signal's frame
        s.call_stack[s.depth++] = reinterpret_cast<void*>(interrupted);
    }
}

}  // namespace

class stall_detector::watch {
public:
    explicit watch(stall_detector_options options);
    watch(watch const&) = delete;
    watch& operator=(watch const&) = delete;
    ~watch();

private:
    static void on_signal(int signal, siginfo_t* info, void* context);
    static void install_handler(int signal);
    void take_sample(void const* context) noexcept;

    void look_until_the_end();
    void look();
    void read_answer(clock::time_point now);
    void report(stall const& s);

    static constexpr int looks_per_limit = 4;
    static thread_local watch* of_this_thread;

    stall_detector_options const options_;
    loop& loop_ = loop::current();
    unsigned const forks_ = detail::forks();
    pthread_t const loop_thread_ = pthread_self();
    std::int64_t const loop_thread_id_ = gettid();

    std::atomic<std::uint32_t> asked_{0};
    std::atomic<std::uint32_t> answers_{0};
    sample sample_;

    // The detector's thread's own:
    std::uint64_t turn_ = 0;
    clock::time_point turn_since_{};
    bool told_of_no_call_ = false;  ///< In this turn: the thread does something that is none of the loop's business.
    std::uint32_t answers_read_ = 0;
    bool waits_for_answer_ = false;
    clock::time_point asked_at_{};
    run_of_loop run_;
    clock::time_point run_since_{};
    clock::duration report_at_{};

    std::mutex mutex_;
    std::condition_variable end_asked_for_;
    bool ends_ = false;
    std::thread thread_;  // last: it uses all that is above
};

constinit thread_local stall_detector::watch* stall_detector::watch::of_this_thread = nullptr;

// ---- on the loop's thread -------------------------------------------------------------------------------------------

stall_detector::watch::watch(stall_detector_options options) : options_(std::move(options)) {
    if (of_this_thread != nullptr) {
        detail::die({}, "a second weft::stall_detector for one loop");
    }
    install_handler(options_.signal);
    sigset_t mine;
    sigemptyset(&mine);
    sigaddset(&mine, options_.signal);
    pthread_sigmask(SIG_UNBLOCK, &mine, nullptr);
    find_call_stack(sample_, 0);  // what the unwinder loads and allocates when it is first used is there from now on
    of_this_thread = this;
    try {
        thread_ = detail::quiet_thread([](void* me) { static_cast<watch*>(me)->look_until_the_end(); }, this);
    } catch (...) {
        of_this_thread = nullptr;
        throw;
    }
}

stall_detector::watch::~watch() {
    if (detail::this_thread().home != &detail::loop_access::as_executor(loop_)) {
        detail::die({}, "a weft::stall_detector was destroyed on another thread than that of its loop");
    }
    if (forks_ != detail::forks()) {  // a child process: the thread is its parent's
        thread_.detach();
    } else {
        {
            std::lock_guard lock(mutex_);
            ends_ = true;
        }
        end_asked_for_.notify_one();
        thread_.join();
    }
    of_this_thread = nullptr;
}

void stall_detector::watch::install_handler(int signal) {
    struct sigaction present = {};
    if (sigaction(signal, nullptr, &present) != 0) {
        throw std::system_error(errno, std::generic_category(),
                                "weft::stall_detector: signal " + std::to_string(signal));
    }
    bool ours = (present.sa_flags & SA_SIGINFO) != 0 && present.sa_sigaction == &on_signal;
    if (!ours && present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN) {
        throw std::system_error(std::make_error_code(std::errc::device_or_resource_busy),
                                "weft::stall_detector: the program handles signal " + std::to_string(signal) +
                                    " (stall_detector_options::signal)");
    }
    struct sigaction action = {};
    action.sa_sigaction = &on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;  // a coroutine's stack may have no room for it
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
}

void stall_detector::watch::on_signal(int, siginfo_t*, void* context) {
    int const error = errno;
    if (watch* mine = of_this_thread; mine != nullptr && mine->asked_.exchange(0) != 0) {
        mine->take_sample(context);
        mine->answers_.fetch_add(1, std::memory_order_release);
    }
    errno = error;
}

void stall_detector::watch::take_sample(void const* context) noexcept {
    detail::control_block const* co = detail::this_thread().run_by_loop;
    sample_.in_call = detail::loop_access::in_call(loop_);
    sample_.run = {
        .turn = detail::loop_access::turns(loop_), .runs_left = detail::loop_access::runs_left(loop_), .coroutine = co};
    sample_.who = {};
    if (co != nullptr) {
        sample_.coroutine_id = co->id;
        sample_.suspended_at = co->suspended_at;
        describe(*co, sample_.who);
    } else {
        sample_.coroutine_id = 0;
        sample_.suspended_at = {};
        sample_.who << "a posted call or a timer";
    }
    find_call_stack(sample_, context::interrupted_at(context).program_counter);
}

// ---- on the detector's ----------------------------------------------------------------------------------------------

void stall_detector::watch::look_until_the_end() {
    clock::duration const pause = std::max(options_.limit.ticks() / looks_per_limit, clock::duration(1));
    std::unique_lock lock(mutex_);
    while (!end_asked_for_.wait_for(lock, pause, [this] { return ends_; })) {
        lock.unlock();
        look();
        lock.lock();
    }
}

void stall_detector::watch::look() {
    clock::time_point const now = detail::time_now();
    std::uint64_t const turn = detail::loop_access::turns(loop_);
    if (turn != turn_ || detail::loop_access::sleeps(loop_)) {
        turn_ = turn;
        turn_since_ = now;
        told_of_no_call_ = false;
        report_at_ = options_.limit.ticks();
        return;
    }
    if (answers_.load(std::memory_order_acquire) != answers_read_) {
        read_answer(now);
    }
    if (waits_for_answer_ && now - turn_since_ >= report_at_) {
        // The sample may be written at any time, so it is not looked at.
        stall unknown;
        unknown.thread = loop_thread_id_;
        unknown.turn = now - turn_since_;
        unknown.who =
            "something that does not answer the signal: it is blocked, or in a system call that none interrupts";
        report(unknown);
    }
    if (now - turn_since_ >= options_.limit.ticks() / 2 && !told_of_no_call_ && !waits_for_answer_) {
        asked_at_ = now;
        waits_for_answer_ = true;
        asked_.store(1);
        pthread_kill(loop_thread_, options_.signal);
    }
}

void stall_detector::watch::read_answer(clock::time_point now) {
    answers_read_ = answers_.load(std::memory_order_acquire);
    waits_for_answer_ = false;
    if (sample_.run.turn != turn_) {
        return;
    }
    told_of_no_call_ = !sample_.in_call;
    if (sample_.run != run_) {
        run_ = sample_.run;
        run_since_ = asked_at_;
    }
    if (sample_.in_call && now - turn_since_ >= report_at_) {
        report({.thread = loop_thread_id_,
                .turn = now - turn_since_,
                .run = now - run_since_,
                .who = sample_.who.view(),
                .coroutine_id = sample_.coroutine_id,
                .suspended_at = sample_.suspended_at,
                .call_stack = std::span(sample_.call_stack).first(sample_.depth)});
    }
}

void stall_detector::watch::report(stall const& s) {
    report_at_ = 2 * s.turn;
    if (options_.report) {
        options_.report(s);
    } else {
        std::fputs(to_string(s).c_str(), stderr);
    }
}

stall_detector::stall_detector(stall_detector_options options) {
    if (options.limit.ticks() <= clock::duration(0)) {
        throw std::invalid_argument("weft::stall_detector: the limit has to be positive, and is " +
                                    std::to_string(options.limit.ticks().count()) + " ns");
    }
    options.signal = options.signal == 0 ? SIGURG : options.signal;
    watch_ = std::make_unique<watch>(std::move(options));
}

stall_detector::~stall_detector() = default;

// ---- as a text ------------------------------------------------------------------------------------------------------

namespace {

std::string hexadecimal(std::uintptr_t number) {
    std::array<char, 2 + 16 + 1> digits{};
    std::snprintf(digits.data(), digits.size(), "0x%jx", static_cast<std::uintmax_t>(number));
    return digits.data();
}

/// `0x55d0c81f in serve()+0x52 (/usr/bin/server+0x381f)`
std::string describe_address(std::uintptr_t address) {
    Dl_info found;
    if (dladdr(reinterpret_cast<void*>(address), &found) == 0) {
        return hexadecimal(address);
    }
    auto offset_in = [address](void const* start) {
        return "+" + hexadecimal(address - reinterpret_cast<std::uintptr_t>(start));
    };
    std::string text = hexadecimal(address);
    if (found.dli_sname != nullptr) {
        int status = 0;
        std::unique_ptr<char, void (*)(void*)> plain(abi::__cxa_demangle(found.dli_sname, nullptr, nullptr, &status),
                                                     &std::free);
        text += " in ";
        text += plain != nullptr ? plain.get() : found.dli_sname;
        text += offset_in(found.dli_saddr);
    }
    return text + " (" + found.dli_fname + offset_in(found.dli_fbase) + ")";
}

std::string in_milliseconds(clock::duration time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) + " ms";
}

}  // namespace

std::string to_string(stall const& s) {
    std::string text = "weft: the loop of thread " + std::to_string(s.thread) + " has been in one turn for " +
                       in_milliseconds(s.turn) + ", held up by ";
    text += s.who;
    if (s.call_stack.empty()) {
        return text + '\n';
    }
    text += ", which has run for " + in_milliseconds(s.run) + " of them or more";
    if (*s.suspended_at.file() != '\0') {
        text += ", since it was suspended at " + detail::text(s.suspended_at);
    }
    text += "; it is at";
    bool innermost = true;
    for (void* address : s.call_stack) {
        // A return address may lie behind the last instruction of its function.
        text += "\n    " + describe_address(reinterpret_cast<std::uintptr_t>(address) - (innermost ? 0 : 1));
        innermost = false;
    }
    return text + '\n';
}

}  // namespace weft
