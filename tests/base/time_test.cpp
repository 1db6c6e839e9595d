#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <weft/time.hpp>

namespace {

using namespace std::chrono_literals;
using weft::clock;
using weft::time_span;

constexpr auto longest = clock::duration::max();
constexpr auto shortest = clock::duration::min();

TEST(time, of_any_unit_is_told_in_the_clocks_own) {
    EXPECT_EQ(time_span(7ns).ticks(), 7ns);
    EXPECT_EQ(time_span(-3s).ticks(), -3s);
    EXPECT_EQ(time_span(std::chrono::hours(2)).ticks(), 2h);
    EXPECT_EQ(time_span(std::chrono::duration<unsigned char>(9)).ticks(), 9s);
    EXPECT_EQ(time_span(std::chrono::duration<double>(0.25)).ticks(), 250ms);
}

TEST(time, that_is_finer_than_the_clocks_is_rounded_up) {
    using picoseconds = std::chrono::duration<std::int64_t, std::pico>;
    using thirds = std::chrono::duration<std::int64_t, std::ratio<1, 3>>;
    EXPECT_EQ(time_span(picoseconds(1)).ticks(), 1ns);
    EXPECT_EQ(time_span(picoseconds(-1'999)).ticks(), -1ns);
    EXPECT_EQ(time_span(thirds(1)).ticks(), 333'333'334ns);
}

TEST(time, that_is_too_long_for_the_clock_stands_for_ever) {
    EXPECT_EQ(time_span(std::chrono::hours::max()).ticks(), longest);
    EXPECT_EQ(time_span(std::chrono::hours::min()).ticks(), shortest);
    EXPECT_EQ(time_span(std::chrono::microseconds::max()).ticks(), longest);
    EXPECT_EQ(time_span(longest).ticks(), longest);
    EXPECT_EQ(time_span(shortest).ticks(), shortest);
    EXPECT_EQ(time_span(std::chrono::duration<std::uint64_t>(UINT64_MAX)).ticks(), longest);
    EXPECT_EQ(time_span(std::chrono::duration<double>(1e30)).ticks(), longest);
    EXPECT_EQ(time_span(std::chrono::duration<double>(-1e30)).ticks(), shortest);
    EXPECT_EQ(time_span(std::chrono::duration<float>(std::numeric_limits<float>::infinity())).ticks(), longest);
    EXPECT_EQ(time_span(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())).ticks(), longest);
    EXPECT_TRUE(time_span(std::chrono::days::max()).is_for_ever());
    EXPECT_FALSE(time_span(std::chrono::years(290)).is_for_ever());
}

TEST(time, a_moment_of_any_unit_is_told_in_the_clocks_own) {
    using coarse = std::chrono::time_point<clock, std::chrono::hours>;
    EXPECT_EQ(weft::moment(coarse(3h)).when(), clock::time_point(3h));
    EXPECT_EQ(weft::moment(coarse::max()).when(), clock::time_point::max());
    EXPECT_EQ(weft::moment(coarse::min()).when(), clock::time_point::min());
}

TEST(time, sums_and_differences_stop_at_the_clocks_ends) {
    using weft::detail::between;
    using weft::detail::later;
    constexpr auto first = clock::time_point::min();
    constexpr auto last = clock::time_point::max();
    constexpr auto now = clock::time_point(5s);
    EXPECT_EQ(later(now, 2s), clock::time_point(7s));
    EXPECT_EQ(later(now, longest), last);
    EXPECT_EQ(later(clock::time_point(-5s), shortest), first);
    EXPECT_EQ(later(last, -1ns), last - 1ns);
    EXPECT_EQ(between(now, clock::time_point(7s)), 2s);
    EXPECT_EQ(between(clock::time_point(7s), now), -2s);
    EXPECT_EQ(between(first, last), longest);
    EXPECT_EQ(between(last, first), shortest);
    EXPECT_EQ(between(now, first), shortest);
}

}  // namespace
