// Generators: ranges that a function makes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <weft/generator.hpp>

#include <memory>
#include <string>
#include <vector>

namespace {

using testing::ElementsAre;
using weft::generator;
using weft::yielder;

static_assert(std::ranges::input_range<generator<int>>);
static_assert(std::is_move_constructible_v<generator<int>> && !std::is_copy_constructible_v<generator<int>>);
static_assert(std::is_same_v<std::ranges::range_reference_t<generator<int const&>>, int const&>);

generator<int> up_to(int count) {
    return generator<int>([count](auto& yield) {
        for (int i = 0; i < count; ++i) {
            yield(i);
        }
    });
}

std::vector<int> all_of(generator<int> g) {
    std::vector<int> all;
    for (int value : g) {
        all.push_back(value);
    }
    return all;
}

TEST(generator, makes_values_when_they_are_asked_for) {
    int made = 0;
    generator<int> g([&](auto& yield) {
        for (;;) {
            ++made;
            yield(made);
        }
    });
    EXPECT_EQ(made, 0);
    auto i = g.begin();
    EXPECT_EQ(*i, 1);
    EXPECT_EQ(made, 1);
    ++i;
    EXPECT_EQ(*i, 2);
    EXPECT_EQ(made, 2);
}

TEST(generator, ends) {
    EXPECT_THAT(all_of(up_to(3)), ElementsAre(0, 1, 2));
    EXPECT_THAT(all_of(up_to(0)), ElementsAre());
    EXPECT_THAT(all_of(generator<int>()), ElementsAre());
}

#if !defined(__clang__) || __clang_major__ >= 16  // earlier ones can't compile libstdc++'s views
TEST(generator, goes_with_views) {
    std::vector<int> odd;
    for (int value : up_to(1000) | std::views::filter([](int i) { return i % 2 == 1; }) | std::views::take(3)) {
        odd.push_back(value);
    }
    EXPECT_THAT(odd, ElementsAre(1, 3, 5));
}

TEST(generator, can_be_asked_for_more_after_a_view_of_it) {
    generator<int> numbers = up_to(1000);
    std::vector<int> taken;
    for (int value : numbers | std::views::take(2)) {
        taken.push_back(value);
    }
    taken.push_back(*numbers.begin());
    EXPECT_THAT(taken, ElementsAre(0, 1, 2));
}
#endif

TEST(generator, hands_over_what_can_only_be_moved) {
    generator<std::unique_ptr<int>> g([](auto& yield) {
        yield(std::make_unique<int>(1));
        yield(std::make_unique<int>(2));
    });
    std::vector<std::unique_ptr<int>> all;
    for (auto& value : g) {
        all.push_back(std::move(value));
    }
    EXPECT_EQ(*all[0] + *all[1], 3);
}

TEST(generator, of_references_gives_the_things_themselves) {
    std::vector<std::string> words{"a", "b"};
    generator<std::string&> g([&](auto& yield) {
        for (auto& word : words) {
            yield(word);
        }
    });
    for (std::string& word : g) {
        word += "!";
    }
    EXPECT_THAT(words, ElementsAre("a!", "b!"));
}

TEST(generator, throws_where_the_value_is_asked_for) {
    generator<int> g([](auto& yield) {
        yield(1);
        throw std::runtime_error("no more");
    });
    auto i = g.begin();
    EXPECT_EQ(*i, 1);
    EXPECT_THROW(++i, std::runtime_error);
    EXPECT_TRUE(i == g.end());
}

TEST(generator, destroyed_half_way_unwinds) {
    auto held = std::make_shared<int>(1);
    {
        generator<int> g([held](auto& yield) {
            auto copy = held;
            for (;;) {
                yield(*copy);
            }
        });
        EXPECT_EQ(*g.begin(), 1);
        EXPECT_EQ(held.use_count(), 3);
    }
    EXPECT_EQ(held.use_count(), 1);
}

TEST(generator, may_be_moved_while_it_is_under_way) {
    generator<int> g = up_to(3);
    EXPECT_EQ(*g.begin(), 0);
    generator<int> moved = std::move(g);
    EXPECT_THAT(all_of(std::move(moved)), ElementsAre(0, 1, 2));
}

struct tree {
    int value;
    std::unique_ptr<tree> left;
    std::unique_ptr<tree> right;
};

void walk(tree const* t, yielder<int>& yield) {
    if (t != nullptr) {
        walk(t->left.get(), yield);
        yield(t->value);
        walk(t->right.get(), yield);
    }
}

TEST(generator, yields_from_any_depth_of_calls) {
    tree root{2, std::make_unique<tree>(tree{1, {}, {}}), std::make_unique<tree>(tree{3, {}, {}})};
    EXPECT_THAT(all_of(generator<int>([&](auto& yield) { walk(&root, yield); })), ElementsAre(1, 2, 3));
}

TEST(generator, passes_on_all_of_others) {
    generator<int> g([](auto& yield) {
        yield(100);
        yield.all(up_to(2));
        yield.all(generator<int>());
        yield.all(up_to(0));
        yield(200);
        yield.all(up_to(3));
    });
    EXPECT_THAT(all_of(std::move(g)), ElementsAre(100, 0, 1, 200, 0, 1, 2));
}

TEST(generator, passes_on_the_rest_of_one_that_was_begun) {
    generator<int> nested([](auto& yield) { yield.all(up_to(4)); });
    auto i = nested.begin();
    ++i;
    generator<int> g([&](auto& yield) { yield.all(std::move(nested)); });
    EXPECT_THAT(all_of(std::move(g)), ElementsAre(2, 3));
}

/// `depth` generators, one inside the other; counts how often any of them but the innermost runs.
generator<int> nested(int depth, int count, int& outer_steps) {
    if (depth == 0) {
        return up_to(count);
    }
    return generator<int>([=, &outer_steps](auto& yield) {
        ++outer_steps;
        yield.all(nested(depth - 1, count, outer_steps));
        ++outer_steps;
    });
}

TEST(generator, nested_a_thousand_deep_costs_one_switch_a_value) {
    constexpr int depth = 1000;
    int outer_steps = 0;
    int expected = 0;
    for (int value : nested(depth, 5000, outer_steps)) {
        ASSERT_EQ(value, expected++);
        ASSERT_EQ(outer_steps, depth);  // each has run once, to its call of all(), and not again
    }
    EXPECT_EQ(expected, 5000);
    EXPECT_EQ(outer_steps, 2 * depth);
}

TEST(generator, an_exception_inside_can_be_caught_by_the_one_outside) {
    generator<int> g([](auto& yield) {
        try {
            yield.all(generator<int>([](auto& inner) {
                inner(1);
                throw std::runtime_error("inside");
            }));
        } catch (std::runtime_error const&) {
            yield(2);
        }
    });
    EXPECT_THAT(all_of(std::move(g)), ElementsAre(1, 2));
}

TEST(generator, an_exception_inside_goes_through_all_levels) {
    generator<int> g([](auto& yield) {
        yield.all(generator<int>([](auto& middle) {
            middle.all(generator<int>([](auto& inner) {
                inner(1);
                throw std::runtime_error("inside");
            }));
        }));
    });
    auto i = g.begin();
    EXPECT_THROW(++i, std::runtime_error);
}

TEST(generator, nested_ones_destroyed_half_way_unwind_from_the_inside) {
    std::vector<std::string> order;
    struct note {
        std::vector<std::string>& order;
        char const* name;
        ~note() { order.emplace_back(name); }
    };
    {
        generator<int> g([&](auto& yield) {
            note outer{order, "outer"};
            yield.all(generator<int>([&](auto& inner) {
                note n{order, "inner"};
                inner(1);
            }));
        });
        EXPECT_EQ(*g.begin(), 1);
    }
    EXPECT_THAT(order, ElementsAre("inner", "outer"));
}

TEST(generator, inside_a_generator_another_can_be_gone_through) {
    generator<int> g([](auto& yield) {
        for (int i : up_to(3)) {
            yield(i * 10);
        }
    });
    EXPECT_THAT(all_of(std::move(g)), ElementsAre(0, 10, 20));
}

TEST(generator_death, a_body_that_yields_without_a_value) {
    generator<int> g([](auto&) { weft::yield(); });
    EXPECT_DEATH((void)g.begin(), "a generator's body waits for something, or yields without a value");
}

}  // namespace
