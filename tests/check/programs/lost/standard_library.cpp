#include <coroutines.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

struct lockable {
    WEFT_COROUTINE_FN void lock();
    void unlock();
};

void send(std::vector<int> const& all, lockable& l) {
    std::for_each(all.begin(), all.end(), [](int) { yield(); });  // expect: weft-lost-mark
    std::lock_guard guard(l);  // expect: weft-lost-mark
}

WEFT_COROUTINE_FN void send_rightly(std::vector<int> const& all, lockable& l) {
    std::for_each(all.begin(), all.end(), [](int) { yield(); });
    std::unique_lock guard(l);
    std::invoke(yield);
}

void keep() {
    std::function<void()> unmarked = yield;  // expect: weft-lost-mark
    WEFT_COROUTINE_FN std::function<void()> marked = yield;
    unmarked = [] { yield(); };  // expect: weft-lost-mark
    marked = [] { yield(); };
    marked();  // expect: weft-unmarked-caller
    std::thread other([] { yield(); });  // expect!: weft-lost-mark
    std::thread another(yield);  // expect!: weft-lost-mark
}

struct handler {
    std::function<void()> call;
};
void add(handler h);
void on_event(std::function<void()> call);

void on_exit(std::function<void()> call);

void handlers() {
    on_exit([] { run(); });
    add({[] { yield(); }});  // expect: weft-lost-mark
    on_event(yield);  // expect: weft-lost-mark
}
