/* The first version's shape: the argument comes with the first enter. */

#define _GNU_SOURCE
#define WEFT_QEMU_2011
#include "qemu/coroutine.h"

#include <pthread.h>
#include <weft/weft.h>

#include "c/harness.h"

static void coroutine_fn note_the_argument(void* opaque) {
    note((const char*)opaque);
    qemu_coroutine_yield();
    note((const char*)opaque);
}

CASE(C1_the_first_enter_brings_the_argument_and_that_of_later_ones_is_ignored) {
    Coroutine* co = qemu_coroutine_create(note_the_argument);
    CHECK(!qemu_in_coroutine());
    qemu_coroutine_enter(co, (void*)"first ");
    CHECK_TEXT(notes, "first ");
    qemu_coroutine_enter(co, (void*)"second ");
    CHECK_TEXT(notes, "first first ");
}

static void (*volatile enter)(Coroutine*, void*) = qemu_coroutine_enter;

static void check_self(void* opaque) {
    CHECK(qemu_coroutine_self() == *(Coroutine**)opaque);
}

CASE(C4_self_is_what_create_gave) {
    Coroutine* co;
    co = qemu_coroutine_create(check_self);
    enter(co, &co);
}

static void coroutine_fn set_flag(void* opaque) {
    *(bool*)opaque = true;
}

CASE(C1_one_that_returns_is_freed_twice_in_a_row) {
    for (int i = 0; i < 2; ++i) {
        bool done = false;
        Coroutine* co = qemu_coroutine_create(set_flag);
        CHECK(!done);
        qemu_coroutine_enter(co, &done);
        CHECK(done);
    }
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static void coroutine_fn yield_five_times(void* opaque) {
    for (int i = 0; i < 5; ++i) {
        int kept = i * 7;
        qemu_coroutine_yield();
        CHECK_EQUAL(kept, i * 7);
    }
    *(bool*)opaque = true;
}

CASE(C2_five_yields_take_six_enters) {
    bool done = false;
    int enters = 0;
    for (Coroutine* co = qemu_coroutine_create(yield_five_times); !done; ++enters) {
        qemu_coroutine_enter(co, &done);
    }
    CHECK_EQUAL(enters, 6);
}

static void coroutine_fn enter_the_next(void* opaque) {
    int* depth = opaque;
    if (++*depth < 128) {
        qemu_coroutine_enter(qemu_coroutine_create(enter_the_next), depth);
    }
    note(".");
}

CASE(C3_enters_nest_128_deep) {
    int depth = 0;
    qemu_coroutine_enter(qemu_coroutine_create(enter_the_next), &depth);
    CHECK_EQUAL(depth, 128);
    CHECK_EQUAL(strlen(notes), 128); /* all have returned */
}

static void coroutine_fn check_inside(void* opaque) {
    (void)opaque;
    CHECK(qemu_in_coroutine());
    note("inside1 ");
    qemu_coroutine_yield();
    CHECK(qemu_in_coroutine());
    note("inside2 ");
}

CASE(C5_C6_in_coroutine_and_the_order_of_execution) {
    Coroutine* co = qemu_coroutine_create(check_inside);
    CHECK(!qemu_in_coroutine());
    note("outside1 ");
    qemu_coroutine_enter(co, NULL);
    CHECK(!qemu_in_coroutine());
    note("outside2 ");
    qemu_coroutine_enter(co, NULL);
    CHECK(!qemu_in_coroutine());
    note("outside3 ");
    CHECK_TEXT(notes, "outside1 inside1 outside2 inside2 outside3 ");
}

static void coroutine_fn enter_oneself(void* opaque) {
    qemu_coroutine_enter(qemu_coroutine_self(), opaque);
}

static void enter_recursively(void) {
    qemu_coroutine_enter(qemu_coroutine_create(enter_oneself), NULL);
}

static void yield_outside(void) {
    qemu_coroutine_yield();
}

CASE(C10_misuse_ends_the_program) {
    CHECK_DIES(enter_recursively, "qemu_2011_test.c:", "re-entered recursively", "qemu_2011_test.c:");
    CHECK_DIES(yield_outside, "qemu_2011_test.c:", "yielding to no one");
}

static pthread_t seen[3];

static void coroutine_fn note_the_threads(void* opaque) {
    for (int i = 0; i < 3; ++i) {
        seen[i] = pthread_self();
        CHECK(opaque == &seen); /* what the first enter brought */
        qemu_coroutine_yield();
    }
}

static void* enter_here(void* co) {
    qemu_coroutine_enter((Coroutine*)co, &seen);
    return (void*)pthread_self();
}

CASE(C11_it_may_go_on_on_another_thread_after_each_yield) {
    Coroutine* co = qemu_coroutine_create(note_the_threads);
    for (int i = 0; i < 3; ++i) {
        pthread_t thread;
        void* id;
        pthread_create(&thread, NULL, enter_here, co);
        pthread_join(thread, &id);
        CHECK(pthread_equal(seen[i], (pthread_t)id));
    }
    qemu_coroutine_enter(co, NULL);
    CHECK_EQUAL(weft_coroutine_count(), 0);
}
