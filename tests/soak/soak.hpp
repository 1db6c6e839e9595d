// What the soaks have in common: random numbers from a seed, counters, and an end with a message where something is lost.

#pragma once

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <random>
#include <string>
#include <system_error>

namespace soak {

inline std::uint64_t seed = 0;

/// splitmix64: small, and as good as is needed here.
class random_numbers {
public:
    explicit random_numbers(std::uint64_t start) : state_(start) {}

    std::uint64_t operator()() {
        std::uint64_t z = (state_ += 0x9e37'79b9'7f4a'7c15);
        z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
        z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>((*this)() % limit); }

private:
    std::uint64_t state_;
};

/// How often something was done, or how much of it; by any thread.
struct counter {
    std::atomic<std::uint64_t> value{0};
    void add(std::uint64_t n = 1) { value.fetch_add(n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const { return value.load(std::memory_order_relaxed); }
};

struct command_line_option {
    std::string name;
    std::uint64_t& value;
};

/// Reads options, each with a number above zero. --seed, which all soaks have, may be any, and is drawn if it is not told.
/// Ends the program with a message if there is something else.
inline void read_options(int argc, char** argv, std::initializer_list<command_line_option> known) {
    seed = std::random_device()();
    for (int i = 1; i < argc; i += 2) {
        std::string name = argv[i];
        auto const* found =
            std::find_if(known.begin(), known.end(), [&](auto const& each) { return "--" + each.name == name; });
        std::uint64_t* value = name == "--seed" ? &seed : found != known.end() ? &found->value : nullptr;
        char const* text = i + 1 < argc ? argv[i + 1] : "";
        char const* end = text + std::strlen(text);
        bool good = value != nullptr && text != end;
        if (good) {
            auto [rest, error] = std::from_chars(text, end, *value);
            good = rest == end && error == std::errc() && (*value != 0 || value == &seed);
        }
        if (!good) {
            std::fprintf(stderr, "%s: \"%s %s\" is no option with a number above zero; there are --seed", argv[0],
                         argv[i], text);
            for (auto const& each : known) {
                std::fprintf(stderr, ", --%s", each.name.c_str());
            }
            std::fputs("\n", stderr);
            std::exit(2);
        }
    }
}

}  // namespace soak

#define REQUIRE(condition)                                                                                             \
    ((condition) ? static_cast<void>(0)                                                                                \
                 : (std::fprintf(stderr, "soak: %s:%d: not true: %s; --seed %" PRIu64 "\n", __FILE__, __LINE__,        \
                                 #condition, soak::seed),                                                              \
                    std::abort()))
