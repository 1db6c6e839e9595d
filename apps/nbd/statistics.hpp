// What the server has done, and is doing.

#pragma once

#include <atomic>
#include <cstdint>

namespace nbd {

struct statistics {
    std::uint64_t connections = 0;
    std::uint64_t requests = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t errors = 0;  ///< The server's own: what the disk refused. A client's mistakes do not count.
};

/// A number that one loop changes. Any thread may read it.
class counter {
public:
    counter& operator+=(std::uint64_t n) {
        value_.store(get() + n, std::memory_order_relaxed);
        return *this;
    }
    counter& operator++() { return *this += 1; }
    counter& operator--() { return *this += ~std::uint64_t{0}; }
    [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// The part of one loop, see statistics. On a cache line of its own: the loops count with each request.
struct alignas(64) counters {
    counter connections;
    counter requests;
    counter in_flight;
    counter bytes_read;
    counter bytes_written;
    counter errors;

    void add_to(statistics& sum) const {
        sum.connections += connections.get();
        sum.requests += requests.get();
        sum.in_flight += in_flight.get();
        sum.bytes_read += bytes_read.get();
        sum.bytes_written += bytes_written.get();
        sum.errors += errors.get();
    }
};

/// One more of something, while it lives.
class one_more {
public:
    explicit one_more(counter& of) : of_(of) { ++of_; }
    one_more(one_more const&) = delete;
    one_more& operator=(one_more const&) = delete;
    ~one_more() { --of_; }

private:
    counter& of_;
};

}  // namespace nbd
