// Variables of which each coroutine has its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <weft/coroutine.hpp>
#include <weft/coroutine_local.hpp>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

using testing::ElementsAre;
using weft::coroutine;
using weft::coroutine_local;

TEST(coroutine_local, is_each_coroutines_own) {
    coroutine_local<int> number;
    *number = 1;
    auto body = [&](int mine) {
        return [&number, mine] {
            EXPECT_EQ(*number, 0);
            *number = mine;
            weft::yield();
            EXPECT_EQ(*number, mine);
        };
    };
    coroutine a(body(10));
    coroutine b(body(20));
    a.enter();
    b.enter();
    EXPECT_EQ(*number, 1);
    b.enter();
    a.enter();
    EXPECT_EQ(*number, 1);
}

TEST(coroutine_local, is_the_nested_coroutines_inside_it) {
    coroutine_local<int> number;
    coroutine outer([&] {
        *number = 1;
        coroutine inner([&] { *number = 2; });
        inner.enter();
        EXPECT_EQ(*number, 1);
    });
    outer.enter();
}

TEST(coroutine_local, is_made_by_its_maker_when_it_is_first_used) {
    int made = 0;
    coroutine_local<std::string> word([&] { return "made " + std::to_string(++made); });
    coroutine uses([&] {
        EXPECT_EQ(*word, "made 1");
        EXPECT_EQ(word->size(), 6U);
    });
    coroutine does_not([] {});
    does_not.enter();
    EXPECT_EQ(made, 0);
    uses.enter();
    EXPECT_EQ(made, 1);
}

TEST(coroutine_local, a_maker_that_throws_is_asked_again) {
    bool fails = true;
    coroutine_local<int> number([&] { return fails ? throw std::runtime_error("not yet") : 5; });
    EXPECT_THROW((void)number.get(), std::runtime_error);
    fails = false;
    EXPECT_EQ(*number, 5);
}

struct noted {
    std::vector<std::string>* order = nullptr;
    std::string name;
    noted() = default;
    noted(noted&& other) noexcept : order(std::exchange(other.order, nullptr)), name(std::move(other.name)) {}
    noted& operator=(noted&&) = delete;
    ~noted() {
        if (order != nullptr) {
            order->push_back(name + (weft::in_coroutine() ? " inside" : " outside"));
        }
    }
};

TEST(coroutine_local, is_destroyed_when_the_coroutine_ends_on_its_stack_the_last_first) {
    std::vector<std::string> order;
    coroutine_local<noted> first;
    coroutine_local<noted> second;
    auto use = [&] {
        first->order = &order;
        first->name = "first";
        second->order = &order;
        second->name = "second";
    };
    coroutine ends(use);
    ends.enter();
    EXPECT_THAT(order, ElementsAre("second inside", "first inside"));
    order.clear();
    {
        coroutine is_unwound([&] {
            use();
            weft::yield();
        });
        is_unwound.enter();
    }
    EXPECT_THAT(order, ElementsAre("second inside", "first inside"));
}

TEST(coroutine_local, a_new_life_on_the_same_stack_begins_anew) {
    coroutine_local<int> number;
    for (int i = 0; i < 3; ++i) {
        coroutine co([&] { EXPECT_EQ((*number)++, 0); });
        co.enter();
    }
}

TEST(coroutine_local, goes_with_the_coroutine_to_another_thread) {
    coroutine_local<int> number;
    coroutine co([&] {
        *number = 7;
        weft::yield();
        EXPECT_EQ(*number, 7);
    });
    co.enter();
    std::thread([&] {
        EXPECT_EQ(*number, 0);  // the thread's own
        co.enter();
    }).join();
    EXPECT_TRUE(co.done());
}

TEST(coroutine_local, a_threads_own_is_destroyed_with_the_thread) {
    auto held = std::make_shared<int>(1);
    coroutine_local<std::shared_ptr<int>> pointer;
    std::thread([&] { *pointer = held; }).join();
    EXPECT_EQ(held.use_count(), 1);
}

TEST(coroutine_local, a_variable_in_the_place_of_another_does_not_see_its_values) {
    auto held = std::make_shared<int>(1);
    coroutine co([&] {
        for (int i = 0; i < 3; ++i) {
            coroutine_local<std::shared_ptr<int>> pointer;
            EXPECT_EQ(*pointer, nullptr);
            *pointer = held;
        }
    });
    co.enter();
    EXPECT_EQ(held.use_count(), 1);
}

TEST(coroutine_local, a_destructor_may_use_another) {
    static std::vector<int> seen;
    seen.clear();
    static coroutine_local<int> number;
    struct uses_it {
        bool armed = false;
        uses_it() = default;
        uses_it(uses_it&& other) noexcept : armed(std::exchange(other.armed, false)) {}
        uses_it& operator=(uses_it&&) = delete;
        ~uses_it() {
            if (armed) {
                seen.push_back(*number);
            }
        }
    };
    coroutine_local<uses_it> last;
    coroutine co([&] {
        last->armed = true;
        *number = 3;  // made later, so destroyed before
    });
    co.enter();
    EXPECT_THAT(seen, ElementsAre(0));
}

}  // namespace
