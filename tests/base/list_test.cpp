#include <weft/detail/base/list.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using weft::detail::intrusive_list;
using weft::detail::intrusive_queue;

struct element {
    int number;
    element* next = nullptr;
    element* previous = nullptr;
};

using queue = intrusive_queue<element>;

template <class List>
std::vector<int> numbers(List const& list) {
    std::vector<int> numbers;
    for (element const* e = list.first(); e != nullptr; e = e->next) {
        numbers.push_back(e->number);
    }
    return numbers;
}

struct elements {
    std::array<element, 5> all{{{1}, {2}, {3}, {4}, {5}}};

    queue in_queue() {
        queue q;
        for (element& e : all) {
            q.push(e);
        }
        return q;
    }
};

bool even(element const& e) {
    return e.number % 2 == 0;
}

TEST(intrusive_queue, is_first_in_first_out) {
    elements e;
    queue q = e.in_queue();
    EXPECT_EQ(q.pop().number, 1);
    EXPECT_EQ(q.pop().number, 2);
    q.push_front(e.all[0]);
    EXPECT_THAT(numbers(q), ElementsAre(1, 3, 4, 5));
}

TEST(intrusive_queue, that_was_emptied_can_be_filled_again) {
    elements e;
    queue q;
    q.push(e.all[0]);
    q.pop();
    EXPECT_TRUE(q.empty());
    q.push(e.all[1]);
    q.push(e.all[2]);
    EXPECT_THAT(numbers(q), ElementsAre(2, 3));
    queue other;
    other.push_front(e.all[0]);
    other.push(e.all[3]);
    EXPECT_THAT(numbers(other), ElementsAre(1, 4));
}

TEST(intrusive_queue, is_joined_to_another_at_either_end) {
    elements e;
    queue first;
    first.push(e.all[0]);
    first.push(e.all[1]);
    queue second;
    second.push(e.all[2]);
    first.append(std::move(second));
    first.push(e.all[3]);
    EXPECT_THAT(numbers(first), ElementsAre(1, 2, 3, 4));
    queue third;
    third.push(e.all[4]);
    third.prepend(std::move(first));
    EXPECT_THAT(numbers(third), ElementsAre(1, 2, 3, 4, 5));
    third.prepend(queue());
    third.append(queue());
    EXPECT_THAT(numbers(third), ElementsAre(1, 2, 3, 4, 5));
    queue none;
    none.append(std::move(third));
    EXPECT_THAT(numbers(none), ElementsAre(1, 2, 3, 4, 5));
}

TEST(intrusive_queue, gives_what_is_wanted_in_order_and_keeps_the_rest) {
    elements e;
    queue q = e.in_queue();
    queue taken = q.take_if(even);
    EXPECT_THAT(numbers(taken), ElementsAre(2, 4));
    EXPECT_THAT(numbers(q), ElementsAre(1, 3, 5));
    EXPECT_THAT(numbers(q.take_if([](element const&) { return true; }, 2)), ElementsAre(1, 3));
    EXPECT_TRUE(q.remove(e.all[4]));
    EXPECT_FALSE(q.remove(e.all[4]));
    q.push(e.all[0]);  // the last one went: the end is found again
    EXPECT_THAT(numbers(q), ElementsAre(1));
}

TEST(intrusive_list, loses_any_of_its_elements) {
    elements e;
    intrusive_list<element> list;
    for (element& each : e.all) {
        list.add(each);
    }
    list.remove(e.all[2]);
    list.remove(e.all[4]);
    list.remove(e.all[0]);
    EXPECT_THAT(numbers(list), ElementsAre(4, 2));
    list.remove(e.all[3]);
    list.remove(e.all[1]);
    EXPECT_THAT(numbers(list), IsEmpty());
}

}  // namespace
