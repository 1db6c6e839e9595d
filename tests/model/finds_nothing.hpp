// What most of the tests here expect.

#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "model/explorer.hpp"

namespace model {

/// WEFT_MODEL_DEEPER=2 in the environment: two deviations more. Each costs about ten times the time.
inline unsigned deeper() {
    char const* more = std::getenv("WEFT_MODEL_DEEPER");
    return more == nullptr ? 0 : static_cast<unsigned>(std::atoi(more));
}

template <class World>
void finds_nothing(bounds b) {
    b.deviations += deeper();
    outcome o = explore<World>(b);
    EXPECT_EQ(o.failure, "") << "the schedule: " << o.schedule << '\n' << o.steps;
    std::printf("%u threads, %u deviations: %llu executions\n", b.threads, b.deviations,
                static_cast<unsigned long long>(o.executions));
}

}  // namespace model
