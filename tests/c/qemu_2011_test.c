/* The first version's shape: the argument comes with the first enter. */

#define _GNU_SOURCE
#define WEFT_QEMU_2011
#include "qemu/coroutine.h"

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
