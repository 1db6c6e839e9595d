// How many lines somebody may log: some at once, then a few a second. What is beyond that is counted.

#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <utility>
#include <weft/time.hpp>

namespace nbd {

class line_limit {
public:
    line_limit(double at_once, double a_second) : at_once_(at_once), a_second_(a_second), left_(at_once) {}

    /// Whether one more may be logged now. If not, it is counted.
    bool allow(weft::clock::time_point now = weft::clock::now()) {
        bool allowed = allow_uncounted(now);
        left_out_ += allowed ? 0 : 1;
        return allowed;
    }

    /// The same, but if not, it is not counted.
    bool allow_uncounted(weft::clock::time_point now = weft::clock::now()) {
        bool allowed = has_room(now);
        left_ -= allowed ? 1 : 0;
        return allowed;
    }

    /// Whether allow() would return true.
    bool has_room(weft::clock::time_point now = weft::clock::now()) {
        left_ = std::min(at_once_, left_ + std::chrono::duration<double>(now - last_).count() * a_second_);
        last_ = now;
        return left_ >= 1;
    }

    /// Counts lines that were not logged, for another reason.
    void leave_out(std::uint64_t lines) { left_out_ += lines; }
    /// How many were left out since the last call.
    std::uint64_t take_left_out() { return std::exchange(left_out_, 0); }

private:
    double at_once_;
    double a_second_;
    double left_;
    weft::clock::time_point last_ = weft::clock::now();
    std::uint64_t left_out_ = 0;
};

/// A line_limit that several loops share. Threads: any.
class shared_line_limit {
public:
    shared_line_limit(double at_once, double a_second) : limit_(at_once, a_second) {}

    bool allow() {
        std::lock_guard lock(mutex_);
        return limit_.allow();
    }
    bool allow_uncounted() {
        std::lock_guard lock(mutex_);
        return limit_.allow_uncounted();
    }
    void leave_out(std::uint64_t lines) {
        std::lock_guard lock(mutex_);
        limit_.leave_out(lines);
    }
    std::uint64_t take_left_out() {
        std::lock_guard lock(mutex_);
        return limit_.take_left_out();
    }

private:
    std::mutex mutex_;
    line_limit limit_;
};

}  // namespace nbd
