// weft and Boost.Context in one program, on one thread, each with exceptions in hand.

#include <gtest/gtest.h>

#include <boost/context/fiber.hpp>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <weft/coroutine.hpp>

namespace {

using boost::context::fiber;
using weft::coroutine;

/// Throws and catches, and goes back and forth; Boost's fibers may not leave with an exception in hand.
fiber one_that_throws(int& caught) {
    return fiber([&caught](fiber&& back) {
        for (;;) {
            try {
                throw std::runtime_error("the fiber's");
            } catch (std::runtime_error const&) {
                ++caught;
            }
            back = std::move(back).resume();
        }
        return std::move(back);
    });
}

TEST(beside_boost, a_parked_handler_keeps_its_exception_while_a_fiber_throws) {
    int caught = 0;
    std::string rethrown;
    coroutine co([&] {
        try {
            try {
                throw std::runtime_error("the coroutine's");
            } catch (std::runtime_error const&) {
                weft::yield();
                throw;
            }
        } catch (std::runtime_error const& e) {
            rethrown = e.what();
        }
    });
    co.enter();
    EXPECT_EQ(std::current_exception(), nullptr);
    fiber f = one_that_throws(caught).resume();
    co.enter();
    f = std::move(f).resume();
    EXPECT_EQ(rethrown, "the coroutine's");
    EXPECT_EQ(caught, 2);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST(beside_boost, a_fiber_enters_a_coroutine_in_its_handler) {
    std::string seen;
    fiber f([&](fiber&& back) {
        try {
            throw std::runtime_error("the fiber's");
        } catch (std::runtime_error const&) {
            coroutine co([] {
                try {
                    throw std::logic_error("inner");
                } catch (std::logic_error const&) {
                    weft::yield();
                }
                throw std::runtime_error("out of enter");
            });
            co.enter();
            try {
                co.enter();
            } catch (std::runtime_error const& e) {
                seen = e.what();
            }
            try {
                throw;
            } catch (std::runtime_error const& e) {
                seen += std::string(", ") + e.what();
            }
        }
        return std::move(back);
    });
    f = std::move(f).resume();
    EXPECT_EQ(seen, "out of enter, the fiber's");
}

TEST(beside_boost, a_coroutine_resumes_a_fiber_while_it_is_unwound) {
    int caught = 0, uncaught = -1;
    struct resumes {
        fiber f;
        int& uncaught;
        ~resumes() {
            uncaught = std::uncaught_exceptions();
            f = std::move(f).resume();
            EXPECT_EQ(std::uncaught_exceptions(), uncaught);
            weft::yield();
            EXPECT_EQ(std::uncaught_exceptions(), uncaught);
        }
    };
    coroutine co([&] {
        try {
            resumes at_end{one_that_throws(caught), uncaught};
            throw std::runtime_error("through a destructor");
        } catch (std::runtime_error const&) {
        }
    });
    co.enter();
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    co.enter();
    EXPECT_TRUE(co.done());
    EXPECT_EQ(uncaught, 1);
    EXPECT_EQ(caught, 1);
}

}  // namespace
