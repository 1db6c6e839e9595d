// Does one thing as often as it is told; test_count.py runs it under callgrind.
//
//     count pair|nested|life|c_pair|c_life|qemu_pair|qemu_life TIMES

#include <weft/weft.h>
#include <cstdlib>
#include <string_view>
#include <weft/coroutine.hpp>

#include "qemu/coroutine.h"

namespace {

/// An enter and a yield.
void pairs(long times) {
    bool more = true;
    weft::coroutine co([&] {
        while (more) {
            weft::yield();
        }
    });
    for (long i = 0; i < times; ++i) {
        co.enter();
    }
    more = false;
    co.enter();
}

/// The same, entered by a coroutine.
void nested_pairs(long times) {
    weft::coroutine outer([&] { pairs(times); });
    outer.enter();
}

/// Create, run, end, destroy.
void lives(long times) {
    for (long i = 0; i < times; ++i) {
        weft::coroutine co([] {});
        co.enter();
    }
}

bool c_more = true;

/// The same in C.
void c_pairs(long times) {
    weft_coroutine* co = weft_create(
        [](void*) {
            while (c_more) {
                weft_yield();
            }
        },
        nullptr);
    for (long i = 0; i < times; ++i) {
        weft_enter(co);
    }
    weft_destroy(co);
}

void c_lives(long times) {
    for (long i = 0; i < times; ++i) {
        weft_coroutine* co = weft_create([](void*) {}, nullptr);
        weft_enter(co);
        weft_destroy(co);
    }
}

/// The same by QEMU's header.
void qemu_pairs(long times) {
    Coroutine* co = qemu_coroutine_create(
        [](void*) {
            while (c_more) {
                qemu_coroutine_yield();
            }
        },
        nullptr);
    for (long i = 0; i < times; ++i) {
        qemu_coroutine_enter(co);
    }
    c_more = false;
    qemu_coroutine_enter(co);
}

void qemu_lives(long times) {
    for (long i = 0; i < times; ++i) {
        qemu_coroutine_enter(qemu_coroutine_create([](void*) {}, nullptr));
    }
}

struct {
    std::string_view name;
    void (*run)(long times);
} const all[] = {{"pair", pairs},     {"nested", nested_pairs},  {"life", lives},          {"c_pair", c_pairs},
                 {"c_life", c_lives}, {"qemu_pair", qemu_pairs}, {"qemu_life", qemu_lives}};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        return 2;
    }
    for (auto const& one : all) {
        if (one.name == argv[1]) {
            one.run(std::strtol(argv[2], nullptr, 10));
            return 0;
        }
    }
    return 2;
}
