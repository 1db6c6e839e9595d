// Many parked coroutines, and the memory that they take. What bench/million.cpp and tests/coroutine/million_test.cpp share.

#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>
#include <weft/coroutine.hpp>

namespace crowd {

/// The bytes in a line like "VmRSS:  1234 kB".
inline std::size_t bytes_in(std::string const& line) {
    return static_cast<std::size_t>(std::stoull(line.substr(line.find(':') + 1))) * 1024;
}

/// What a process takes.
struct memory {
    std::size_t resident = 0;
    std::size_t page_tables = 0;

    [[nodiscard]] std::size_t bytes() const { return resident + page_tables; }

    static memory now() {
        memory found;
        std::ifstream status("/proc/self/status");
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmRSS:")) {
                found.resident = bytes_in(line);
            } else if (line.starts_with("VmPTE:")) {
                found.page_tables = bytes_in(line);
            }
        }
        return found;
    }
};

inline std::size_t mappings() {
    std::ifstream maps("/proc/self/maps");
    std::size_t lines = 0;
    for (std::string line; std::getline(maps, line);) {
        ++lines;
    }
    return lines;
}

/// Memory that could be had without taking it from others.
inline std::size_t available_memory() {
    std::ifstream info("/proc/meminfo");
    for (std::string line; std::getline(info, line);) {
        if (line.starts_with("MemAvailable:")) {
            return bytes_in(line);
        }
    }
    return 0;
}

/// Coroutines that wait, each for its own wake-up.
class parked {
public:
    parked(std::size_t count, std::size_t stack_size) : handles_(count) {
        coroutines_.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            coroutines_.emplace_back(weft::coroutine_options{.stack_size = stack_size}, [this, i] {
                weft::suspend([this, i](weft::handle h) { handles_[i] = std::move(h); });
                ++ended_;
            });
            coroutines_.back().enter();
        }
    }

    /// On whatever thread: it need not be the one that parked them.
    void wake_in_random_order(unsigned seed) {
        std::vector<std::size_t> order(coroutines_.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::shuffle(order.begin(), order.end(), std::minstd_rand(seed));
        for (std::size_t i : order) {
            handles_[i].wake();
            coroutines_[i].enter();
        }
    }

    [[nodiscard]] std::size_t ended() const { return ended_; }

private:
    std::vector<weft::handle> handles_;
    std::vector<weft::coroutine> coroutines_;
    std::size_t ended_ = 0;
};

}  // namespace crowd
