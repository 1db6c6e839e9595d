// What a program is expected to say when it ends. GoogleTest's own regular expressions know no brackets and no groups on
// Windows, and there is no regcomp(); so there the standard library's are taken. Included before all tests (CMake).

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <regex>
#include <string>

namespace weft_test {

/// Matches a text in which the expression is found, whatever its lines end with.
class says {
public:
    using is_gtest_matcher = void;

    explicit says(std::string text) : text_(std::move(text)), expression_(text_, std::regex::extended) {}

    bool MatchAndExplain(std::string said, std::ostream*) const {
        std::erase(said, '\r');
        return std::regex_search(said, expression_);
    }
    void DescribeTo(std::ostream* out) const { *out << "says \"" << text_ << '"'; }
    void DescribeNegationTo(std::ostream* out) const { *out << "does not say \"" << text_ << '"'; }

private:
    std::string text_;
    std::regex expression_;
};

}  // namespace weft_test

#undef EXPECT_EXIT
#define EXPECT_EXIT(statement, predicate, text)                                                                        \
    GTEST_DEATH_TEST_(statement, predicate, weft_test::says(text), GTEST_NONFATAL_FAILURE_)
#undef EXPECT_DEATH
#define EXPECT_DEATH(statement, text) EXPECT_EXIT(statement, ::testing::internal::ExitedUnsuccessfully, text)
