// The ring: full queues lose nothing; where it can't be had, epoll serves.

#include <gtest/gtest.h>

#if defined(WEFT_HAS_IO_URING)

#include <dlfcn.h>
#include <liburing.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>
#include <weft/loop.hpp>
#include <weft/task.hpp>

namespace {

/// How many more times the kernel is said to be too busy to take anything.
int refusals = 0;

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
    if (refusals > 0) {
        --refusals;
        return -EBUSY;
    }
    return next(ring);
}

int io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params) {
    static auto* const next = real<decltype(io_uring_queue_init_params)>("io_uring_queue_init_params");
    return no_memory ? -ENOMEM : next(entries, ring, params);
}

}  // extern "C"

namespace {

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
        EXPECT_EQ(refusals, 0);
    });
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
