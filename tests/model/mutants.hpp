// Every step of the library's own code in a file is made wrong, one after the other: what does the explorer say?

#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "model/explorer.hpp"

namespace model {

/// How many were put in, and how many found.
struct mutants {
    unsigned weakened = 0;
    unsigned weakened_found = 0;
    unsigned left_out = 0;
    unsigned left_out_found = 0;
};

/// Whether the bug is found. In a process of its own: what a bug leads to may end that, or let it run for ever.
template <class World>
bool is_found(bounds b, mutation const& bug = {}) {
    b.bug = bug;
    std::fflush(nullptr);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        (void)!std::freopen("/dev/null", "w", stderr);
        _exit(explore<World>(b).failure.empty() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

template <class World>
mutants put_into(std::string_view file, bounds b) {
    mutants result;
    b.collect_steps = true;
    auto places = explore<World>(b).places;
    b.collect_steps = false;
    auto put_in = [&](mutation::kind what, step_place const& at, unsigned& tried, unsigned& found) {
        bool is = is_found<World>(b, {what, at});
        ++tried;
        found += is ? 1 : 0;
        std::printf("%s:%u %s: %s\n", at.file.c_str(), at.line,
                    what == mutation::kind::weakened ? "weakened" : "left out", is ? "found" : "not found");
    };
    for (auto const& [at, kinds] : places) {
        if (at.file == file && kinds.ordered) {
            put_in(mutation::kind::weakened, at, result.weakened, result.weakened_found);
        }
        if (at.file == file && kinds.writes) {
            put_in(mutation::kind::left_out, at, result.left_out, result.left_out_found);
        }
    }
    return result;
}

template <class World>
void finds_some_of_both(char const* file, bounds const& b) {
    ASSERT_EQ(explore<World>(b).failure, "");
    mutants found = put_into<World>(file, b);
    EXPECT_GT(found.weakened_found, 0U) << "of " << found.weakened << " orders in " << file;
    EXPECT_GT(found.left_out_found, 0U) << "of " << found.left_out << " steps in " << file;
}

}  // namespace model
