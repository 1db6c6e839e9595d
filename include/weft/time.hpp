// Floor: coroutine
//
// Time, as all waits take it: moments of the steady clock, and lengths of time of any unit.
//
//     weft::sleep_for(20ms);
//     weft::sleep_for(std::chrono::hours::max());               // for ever
//     weft::sleep_until(weft::clock::time_point::min());        // has passed: ends in the loop's next turn
//
// Nothing overflows: a wait for a moment beyond the clock's range lasts for ever, and a moment in the past has come.

#pragma once

#include <chrono>
#include <cmath>
#include <limits>
#include <ratio>
#include <type_traits>
#include <utility>

namespace weft {

using clock = std::chrono::steady_clock;

namespace detail {

/// In the clock's own unit, rounded up. Beyond what that can hold: the largest, or the smallest.
template <class Rep, class Period>
[[nodiscard]] clock::duration in_ticks(std::chrono::duration<Rep, Period> time) noexcept {
    using ratio = std::ratio_divide<Period, clock::period>;
    constexpr clock::duration largest = clock::duration::max();
    constexpr clock::duration smallest = clock::duration::min();
    if constexpr (std::is_integral_v<Rep> && ratio::den == 1) {
        constexpr clock::rep most = largest.count() / ratio::num;
        if (std::cmp_greater(time.count(), most)) {
            return largest;
        }
        if (std::cmp_less(time.count(), -most)) {
            return smallest;
        }
        return clock::duration(static_cast<clock::rep>(time.count()) * ratio::num);
    } else {
        auto ticks = std::ceil(std::chrono::duration<long double, clock::period>(time).count());
        // The largest may have been rounded up here: what is not below it does not fit. Nor does what is no number.
        if (!(ticks < static_cast<long double>(largest.count()))) {
            return largest;
        }
        return ticks <= static_cast<long double>(smallest.count()) ? smallest
                                                                   : clock::duration(static_cast<clock::rep>(ticks));
    }
}

template <class Duration>
[[nodiscard]] clock::time_point in_ticks(std::chrono::time_point<clock, Duration> moment) noexcept {
    return clock::time_point(in_ticks(moment.time_since_epoch()));
}

/// `time` after `moment`: the clock's last moment, or its first, where it does not reach that far.
[[nodiscard]] inline clock::time_point later(clock::time_point moment, clock::duration time) noexcept {
    clock::rep sum = 0;
    if (__builtin_add_overflow(moment.time_since_epoch().count(), time.count(), &sum)) {
        return time.count() > 0 ? clock::time_point::max() : clock::time_point::min();
    }
    return clock::time_point(clock::duration(sum));
}

/// How long it is from `start` to `end`; negative if `end` comes first.
[[nodiscard]] inline clock::duration between(clock::time_point start, clock::time_point end) noexcept {
    clock::rep difference = 0;
    if (__builtin_sub_overflow(end.time_since_epoch().count(), start.time_since_epoch().count(), &difference)) {
        return end > start ? clock::duration::max() : clock::duration::min();
    }
    return clock::duration(difference);
}

}  // namespace detail

/// A length of time. Converts from any duration, integral or not, rounded up; one that is too long for the clock
/// means for ever.
class time_span {
public:
    constexpr time_span() = default;
    template <class Rep, class Period>
    time_span(std::chrono::duration<Rep, Period> time) noexcept : ticks_(detail::in_ticks(time)) {}

    [[nodiscard]] clock::duration ticks() const noexcept { return ticks_; }
    /// Longer than the clock can tell.
    [[nodiscard]] bool is_for_ever() const noexcept { return ticks_ == clock::duration::max(); }

private:
    clock::duration ticks_{0};
};

/// A moment. Converts from any of the clock's time_points; see time_span.
class moment {
public:
    template <class Duration>
    moment(std::chrono::time_point<clock, Duration> when) noexcept : when_(detail::in_ticks(when)) {}

    [[nodiscard]] clock::time_point when() const noexcept { return when_; }

private:
    clock::time_point when_;
};

}  // namespace weft
