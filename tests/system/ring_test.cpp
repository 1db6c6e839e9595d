// The ring: full queues lose nothing; where it is not available, epoll serves.

#include <gtest/gtest.h>

#if defined(WEFT_HAS_IO_URING)

#include <dlfcn.h>
#include <liburing.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/loop.hpp>
#include <weft/task.hpp>

namespace {

/// How many more times the kernel is said to be too busy to take anything from this thread.
thread_local int refusals = 0;

bool refuses() {
    refusals -= refusals > 0 ? 1 : 0;
    return refusals > 0;
}

/// The kernel is said to have no memory for a ring.
bool no_memory = false;

template <class F>
F* real(char const* name) {
    return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

// In front of liburing's, in this program.
extern "C" {

int io_uring_submit(io_uring* ring) {
    static auto* const next = real<decltype(io_uring_submit)>("io_uring_submit");
    return refuses() ? -EBUSY : next(ring);
}

int io_uring_submit_and_get_events(io_uring* ring) {
    static auto* const next = real<decltype(io_uring_submit_and_get_events)>("io_uring_submit_and_get_events");
    return refuses() ? -EAGAIN : next(ring);
}

int io_uring_submit_and_wait(io_uring* ring, unsigned count) {
    static auto* const next = real<decltype(io_uring_submit_and_wait)>("io_uring_submit_and_wait");
    return refuses() ? -EAGAIN : next(ring, count);
}

int io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params) {
    static auto* const next = real<decltype(io_uring_queue_init_params)>("io_uring_queue_init_params");
    return no_memory ? -ENOMEM : next(entries, ring, params);
}

}  // extern "C"

namespace {

using namespace std::chrono_literals;

constexpr std::size_t block = 512;

/// A file of blocks, each full of its own number.
class file_of_numbers {
public:
    explicit file_of_numbers(std::size_t blocks) : file_(std::tmpfile()) {
        for (std::size_t i = 0; i < blocks; ++i) {
            std::vector<char> one(block, static_cast<char>(i));
            std::fwrite(one.data(), 1, block, file_.get());
        }
        std::fflush(file_.get());
    }
    [[nodiscard]] int fd() const { return fileno(file_.get()); }

private:
    struct closes {
        void operator()(std::FILE* f) const { std::fclose(f); }
    };
    std::unique_ptr<std::FILE, closes> file_;
};

struct block_read {
    std::vector<char> buffer = std::vector<char>(block, '?');
    iovec into{buffer.data(), block};
    weft::operation op;

    [[nodiscard]] bool got(std::size_t number) const {
        return op.result == block && buffer == std::vector<char>(block, static_cast<char>(number));
    }
};

/// What an ill-behaved part of the program does.
void close_rings() {
    for (auto const& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path(), gone) == "anon_inode:[io_uring]") {
            close(std::stoi(entry.path().filename()));
        }
    }
}

/// More than either of the ring's queues holds.
constexpr std::size_t many = 5'000;

/// Calls `body()` in a coroutine of a new loop with a ring.
template <class F>
void run_with_ring(F body) {
    std::thread([&] {
        weft::loop loop(weft::make_reactor("io_uring"));
        weft::run(body);
    }).join();
}

/// Reads many blocks, all started in one turn. Returns how many came, and were the right ones.
std::size_t read_many(file_of_numbers const& file) {
    std::size_t left = many;
    std::vector<block_read> reads(many);
    for (std::size_t i = 0; i < many; ++i) {
        reads[i].op = {.what = weft::operation::kind::readv,
                       .fd = file.fd(),
                       .iovec_count = 1,
                       .iovecs = &reads[i].into,
                       .offset = i * block,
                       .complete = [](weft::operation& o) noexcept { --*static_cast<std::size_t*>(o.waiter); },
                       .waiter = &left};
        weft::loop::current().system().start(reads[i].op);
    }
    while (left > 0) {
        weft::yield();
    }
    std::size_t right = 0;
    for (std::size_t i = 0; i < many; ++i) {
        right += reads[i].got(i) ? 1 : 0;
    }
    return right;
}

TEST(ring, loses_no_operation_that_its_queues_are_too_small_for) {
    file_of_numbers file(many);
    run_with_ring([&] { EXPECT_EQ(read_many(file), many); });
}

TEST(ring, keeps_what_the_kernel_does_not_take_and_hands_it_over_later) {
    file_of_numbers file(many);
    run_with_ring([&] {
        refusals = 300;
        EXPECT_EQ(read_many(file), many);
        EXPECT_LE(refusals, 0);
    });
}

TEST(ring, that_is_full_and_that_the_kernel_takes_nothing_from_holds_up_nobody_who_starts_and_cancels) {
    std::thread([] {
        std::unique_ptr<weft::reactor> reactor = weft::make_reactor("io_uring");
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        std::size_t left = 3'000;
        std::vector<weft::operation> waits(left);
        refusals = INT_MAX;
        for (weft::operation& op : waits) {
            op = {.what = weft::operation::kind::poll,
                  .fd = ends[0],
                  .flags = POLLIN,
                  .complete = [](weft::operation& o) noexcept { --*static_cast<std::size_t*>(o.waiter); },
                  .waiter = &left};
            reactor->start(op);
        }
        reactor->poll(0ns);
        EXPECT_EQ(left, 3'000U);
        EXPECT_TRUE(reactor->has_work());
        for (std::size_t i = 0; i < waits.size(); i += 2) {
            reactor->cancel(waits[i]);
        }
        refusals = 0;
        while (left > 1'500) {
            reactor->poll(std::nullopt);
        }
        ASSERT_EQ(write(ends[1], "x", 1), 1);
        while (left > 0) {
            reactor->poll(std::nullopt);
        }
        for (std::size_t i = 0; i < waits.size(); ++i) {
            ASSERT_EQ(waits[i].result, i % 2 == 0 ? -ECANCELED : POLLIN) << i;
        }
        close(ends[0]);
        close(ends[1]);
    }).join();
}

TEST(ring_death, that_cannot_be_entered_any_more_is_named_with_the_error) {
    auto enter = [] {
        std::unique_ptr<weft::reactor> reactor = weft::make_reactor("io_uring");
        reactor->poll(0ns);
        close_rings();
        reactor->poll(0ns);
    };
    EXPECT_EXIT(enter(), testing::KilledBySignal(SIGABRT), "weft: .*io_uring_enter\\(\\) failed: Bad file descriptor");
}

TEST(ring_death, of_one_thread_that_another_uses_too_is_named) {
    auto use = [] {
        std::unique_ptr<weft::reactor> reactor = weft::make_reactor("io_uring");
        reactor->poll(0ns);
        std::thread([&] {
            weft::operation op{.what = weft::operation::kind::poll, .fd = 0, .flags = POLLIN};
            op.complete = [](weft::operation&) noexcept {};
            reactor->start(op);
            reactor->poll(0ns);
        }).join();
    };
    EXPECT_EXIT(use(), testing::KilledBySignal(SIGABRT),
                "weft: .*io_uring_enter\\(\\) failed: File exists; a reactor belongs to the first thread that uses it");
}

TEST(ring, without_memory_for_it_epoll_serves) {
    char const* wanted = std::getenv("WEFT_REACTOR");
    std::string const others_want = wanted == nullptr ? "" : wanted;
    no_memory = true;
    setenv("WEFT_REACTOR", "", 1);
    EXPECT_EQ(weft::make_reactor()->name(), "epoll");
    setenv("WEFT_REACTOR", others_want.c_str(), 1);
    try {
        auto made = weft::make_reactor("io_uring");
        ADD_FAILURE() << "made " << made->name();
    } catch (std::system_error const& e) {
        EXPECT_EQ(e.code(), std::errc::not_enough_memory);
    }
    no_memory = false;
}

}  // namespace

#endif
