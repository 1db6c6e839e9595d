// The memory of a million parked coroutines, and the time of their lives: bench_million [COUNT [STACK_SIZE]]
//
// Prints one JSON object.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "crowd.hpp"

int main(int argc, char** argv) {
    std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 0) : 1'000'000;
    std::size_t stack_size = argc > 2 ? std::strtoull(argv[2], nullptr, 0) : weft::default_stack_size;
    auto seconds = [last = std::chrono::steady_clock::now()]() mutable {
        auto before = std::exchange(last, std::chrono::steady_clock::now());
        return std::chrono::duration<double>(last - before).count();
    };
    crowd::memory before = crowd::memory::now();
    std::optional<crowd::parked> all(std::in_place, count, stack_size);
    double park = seconds();
    crowd::memory after = crowd::memory::now();
    std::size_t mappings = crowd::mappings();
    seconds();
    all->wake_in_random_order(1);
    double wake = seconds();
    bool all_ended = all->ended() == count;
    all.reset();
    double destroy = seconds();

    auto each = [&](std::size_t total) { return static_cast<double>(total) / static_cast<double>(count); };
    std::printf(
        "{\"count\": %zu, \"stack_size\": %zu, \"bytes_each\": %.0f, \"resident_each\": %.0f, \"page_tables_each\": "
        "%.0f, "
        "\"mappings\": %zu, \"park_s\": %.2f, \"wake_s\": %.2f, \"destroy_s\": %.2f}\n",
        count, stack_size, each(after.bytes() - before.bytes()), each(after.resident - before.resident),
        each(after.page_tables - before.page_tables), mappings, park, wake, destroy);
    return all_ended ? EXIT_SUCCESS : EXIT_FAILURE;
}
