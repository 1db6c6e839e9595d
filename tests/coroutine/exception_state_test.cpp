// The C++ runtime keeps caught and uncaught exceptions for each thread; each coroutine has to see its own.

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>
#include <weft/coroutine.hpp>

namespace {

using weft::coroutine;

/// What the exception that is being handled says; "none" outside a handler.
std::string in_hand() {
    std::exception_ptr e = std::current_exception();
    if (e == nullptr) {
        return "none";
    }
    try {
        std::rethrow_exception(e);
    } catch (std::exception const& what) {
        return what.what();
    }
}

/// Catches an exception, yields, and throws it on to a handler that notes it.
auto catches_yields_and_rethrows(std::string what, std::string& rethrown) {
    return [what = std::move(what), &rethrown] {
        try {
            try {
                throw std::runtime_error(what);
            } catch (std::runtime_error const&) {
                weft::yield();
                throw;
            }
        } catch (std::runtime_error const& e) {
            rethrown = e.what();
        }
    };
}

TEST(exception_state, rethrows_the_right_one_of_two_in_order) {
    std::string a, b;
    coroutine first(catches_yields_and_rethrows("first", a));
    coroutine second(catches_yields_and_rethrows("second", b));
    first.enter();
    second.enter();
    first.enter();
    second.enter();
    EXPECT_EQ(a, "first");
    EXPECT_EQ(b, "second");
}

TEST(exception_state, rethrows_the_right_one_of_two_in_reverse_order) {
    std::string a, b;
    coroutine first(catches_yields_and_rethrows("first", a));
    coroutine second(catches_yields_and_rethrows("second", b));
    first.enter();
    second.enter();
    second.enter();
    first.enter();
    EXPECT_EQ(a, "first");
    EXPECT_EQ(b, "second");
}

TEST(exception_state, is_empty_for_whoever_enters_one_inside_a_handler) {
    std::string note;
    coroutine co(catches_yields_and_rethrows("inside", note));
    co.enter();
    EXPECT_EQ(in_hand(), "none");
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    co.enter();
    EXPECT_EQ(in_hand(), "none");
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST(exception_state, of_handlers_in_handlers_comes_back_whole) {
    std::vector<std::string> seen;
    coroutine co([&] {
        try {
            throw std::runtime_error("outer");
        } catch (std::exception const&) {
            try {
                throw std::runtime_error("inner");
            } catch (std::exception const&) {
                weft::yield();
                seen.push_back(in_hand());
            }
            weft::yield();
            seen.push_back(in_hand());
        }
        seen.push_back(in_hand());
    });
    while (!co.done()) {
        co.enter();
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"inner", "outer", "none"}));
}

TEST(exception_state, of_the_enterer_is_hidden_and_comes_back) {
    std::vector<std::string> inside;
    coroutine co([&] {
        inside.push_back(in_hand());
        weft::yield();
        inside.push_back(in_hand());
    });
    for (char const* what : {"one", "two"}) {
        try {
            throw std::runtime_error(what);
        } catch (std::exception const&) {
            co.enter();
            EXPECT_EQ(in_hand(), what);
        }
    }
    EXPECT_EQ(inside, (std::vector<std::string>{"none", "none"}));
}

TEST(exception_state, of_each_of_two_nested_coroutines_is_its_own) {
    std::vector<std::string> seen;
    coroutine inner([&] {
        try {
            throw std::runtime_error("inner");
        } catch (std::exception const&) {
            weft::yield();
            seen.push_back(in_hand());
        }
    });
    coroutine outer([&] {
        try {
            throw std::runtime_error("outer");
        } catch (std::exception const&) {
            inner.enter();
            seen.push_back(in_hand());
            weft::yield();
            inner.enter();
            seen.push_back(in_hand());
        }
    });
    outer.enter();
    seen.push_back(in_hand());
    outer.enter();
    EXPECT_EQ(seen, (std::vector<std::string>{"outer", "none", "inner", "outer"}));
}

/// Yields in its destructor, and notes how many exceptions were on their way before and after.
struct yields_in_destructor {
    std::vector<int>& uncaught;
    ~yields_in_destructor() {
        uncaught.push_back(std::uncaught_exceptions());
        weft::yield();
        uncaught.push_back(std::uncaught_exceptions());
    }
};

TEST(exception_state, on_its_way_is_counted_before_and_after_a_yield_in_a_destructor) {
    std::vector<int> uncaught;
    std::string caught;
    coroutine co([&] {
        try {
            yields_in_destructor y{uncaught};
            throw std::runtime_error("on its way");
        } catch (std::exception const& e) {
            caught = e.what();
            uncaught.push_back(std::uncaught_exceptions());
        }
    });
    co.enter();
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    co.enter();
    EXPECT_EQ(uncaught, (std::vector<int>{1, 1, 0}));
    EXPECT_EQ(caught, "on its way");
}

TEST(exception_state, on_its_way_in_two_at_once_reaches_each_handler) {
    auto body = [](char const* what, std::string& caught, std::vector<int>& uncaught) {
        return [what, &caught, &uncaught] {
            try {
                yields_in_destructor y{uncaught};
                throw std::runtime_error(what);
            } catch (std::exception const& e) {
                caught = e.what();
            }
        };
    };
    std::string a, b;
    std::vector<int> uncaught_a, uncaught_b;
    coroutine first(body("first", a, uncaught_a));
    coroutine second(body("second", b, uncaught_b));
    first.enter();
    second.enter();
    first.enter();
    second.enter();
    EXPECT_EQ(a, "first");
    EXPECT_EQ(b, "second");
    EXPECT_EQ(uncaught_a, (std::vector<int>{1, 1}));
    EXPECT_EQ(uncaught_b, (std::vector<int>{1, 1}));
}

[[gnu::noinline]] void throw_past(char const* what, std::vector<int>& uncaught) {
    yields_in_destructor y{uncaught};
    throw std::runtime_error(what);
}

TEST(exception_state, on_its_way_in_two_at_once_goes_on_from_a_frame_that_does_not_catch) {
    std::vector<int> uncaught;
    auto body = [&uncaught](char const* what, std::string& caught) {
        return [what, &caught, &uncaught] {
            try {
                throw_past(what, uncaught);
            } catch (std::exception const& e) {
                caught = e.what();
            }
        };
    };
    std::string a, b;
    coroutine first(body("first", a));
    coroutine second(body("second", b));
    first.enter();
    second.enter();
    first.enter();
    second.enter();
    EXPECT_EQ(a, "first");
    EXPECT_EQ(b, "second");
    EXPECT_EQ(uncaught, (std::vector<int>{1, 1, 1, 1}));
}

struct enters_in_destructor {
    coroutine& co;
    int& before;
    int& after;
    ~enters_in_destructor() {
        before = std::uncaught_exceptions();
        co.enter();
        after = std::uncaught_exceptions();
    }
};

TEST(exception_state, of_an_enterer_that_is_unwound_is_not_seen_inside) {
    int inside = -1, before = -1, after = -1;
    coroutine co([&] { inside = std::uncaught_exceptions(); });
    try {
        enters_in_destructor e{co, before, after};
        throw std::runtime_error("the enterer's");
    } catch (std::exception const& e) {
        EXPECT_STREQ(e.what(), "the enterer's");
    }
    EXPECT_EQ(inside, 0);
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 1);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

TEST(exception_state, inside_a_handler_survives_a_wait) {
    weft::handle kept;
    std::string seen;
    coroutine co([&] {
        try {
            throw std::runtime_error("kept while waiting");
        } catch (std::exception const&) {
            weft::suspend([&](weft::handle h) {
                EXPECT_EQ(in_hand(), "none");
                kept = std::move(h);
            });
            seen = in_hand();
        }
    });
    co.enter();
    kept.wake();
    co.enter();
    EXPECT_EQ(seen, "kept while waiting");
}

TEST(exception_state, goes_with_the_coroutine_from_thread_to_thread) {
    std::vector<std::string> seen;
    std::string rethrown;
    coroutine co([&] {
        try {
            try {
                throw std::runtime_error("carried");
            } catch (std::exception const&) {
                for (int i = 0; i < 3; ++i) {
                    weft::yield();
                    seen.push_back(in_hand());
                }
                throw;
            }
        } catch (std::exception const& e) {
            rethrown = e.what();
        }
    });
    while (!co.done()) {
        std::thread([&] {
            co.enter();
            EXPECT_EQ(in_hand(), "none");
            EXPECT_EQ(std::uncaught_exceptions(), 0);
        }).join();
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"carried", "carried", "carried"}));
    EXPECT_EQ(rethrown, "carried");
}

TEST(exception_state, on_its_way_goes_with_the_coroutine_to_another_thread) {
    std::vector<int> uncaught;
    bool caught = false;
    coroutine co([&] {
        try {
            yields_in_destructor y{uncaught};
            throw std::runtime_error("on its way");
        } catch (std::runtime_error const&) {
            caught = true;
        }
    });
    std::thread([&] {
        co.enter();
        EXPECT_EQ(std::uncaught_exceptions(), 0);
    }).join();
    co.enter();
    EXPECT_TRUE(caught);
    EXPECT_EQ(uncaught, (std::vector<int>{1, 1}));
}

TEST(exception_out, comes_from_three_frames_deep_with_its_text) {
    struct frames {
        static void down(int depth) {
            if (depth == 0) {
                throw std::out_of_range("three deep");
            }
            down(depth - 1);
        }
    };
    coroutine co([] { frames::down(3); });
    try {
        co.enter();
        ADD_FAILURE() << "nothing was thrown";
    } catch (std::out_of_range const& e) {
        EXPECT_STREQ(e.what(), "three deep");
        EXPECT_EQ(std::uncaught_exceptions(), 0);
    }
    EXPECT_TRUE(co.done());
}

TEST(exception_out, of_the_first_enter_comes_out_too) {
    coroutine co([] { throw 7; });
    EXPECT_THROW(co.enter(), int);
    EXPECT_TRUE(co.done());
}

TEST(exception_out, passes_through_the_coroutine_that_entered) {
    bool unwound = false;
    struct notes {
        bool& flag;
        ~notes() { flag = true; }
    };
    coroutine outer([&] {
        notes n{unwound};
        coroutine inner([] { throw std::runtime_error("from the innermost"); });
        inner.enter();
    });
    EXPECT_THROW(outer.enter(), std::runtime_error);
    EXPECT_TRUE(unwound);
    EXPECT_TRUE(outer.done());
}

TEST(exception_out, comes_out_of_an_enter_inside_a_handler) {
    coroutine co([] { throw std::runtime_error("the coroutine's"); });
    try {
        throw std::runtime_error("the enterer's");
    } catch (std::exception const&) {
        try {
            co.enter();
            ADD_FAILURE() << "nothing was thrown";
        } catch (std::exception const& e) {
            EXPECT_STREQ(e.what(), "the coroutine's");
        }
        EXPECT_EQ(in_hand(), "the enterer's");
    }
}

}  // namespace
