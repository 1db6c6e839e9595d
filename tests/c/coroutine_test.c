/* Coroutines of weft.h. */

#define _GNU_SOURCE
#include <weft/weft.h>

#include <pthread.h>

#include "c/harness.h"

static void three_steps(void* steps) {
    ++*(int*)steps;
    weft_yield();
    ++*(int*)steps;
    weft_yield();
    ++*(int*)steps;
}

CASE(enter_tells_whether_there_is_more) {
    int steps = 0;
    weft_coroutine* co = weft_create(three_steps, &steps);
    CHECK(weft_enter(co));
    CHECK_EQUAL(steps, 1);
    CHECK(weft_enter(co));
    CHECK(!weft_done(co));
    CHECK(!weft_enter(co));
    CHECK(weft_done(co));
    CHECK_EQUAL(steps, 3);
    weft_destroy(co);
    weft_destroy(NULL);
}

static void look_at_oneself(void* seen) {
    CHECK(weft_in_coroutine());
    *(weft_coroutine**)seen = weft_self();
    CHECK(weft_entered(weft_self()));
    weft_yield();
}

CASE(a_coroutine_knows_itself) {
    CHECK(!weft_in_coroutine());
    CHECK(weft_self() == NULL);
    weft_coroutine* seen = NULL;
    weft_coroutine* co = weft_create(look_at_oneself, &seen);
    CHECK(!weft_entered(co));
    weft_enter(co);
    CHECK(seen == co);
    CHECK(!weft_entered(co));
    weft_destroy(co);
}

CASE(options_name_it_and_size_its_stack) {
    int steps = 0;
    weft_coroutine* co = weft_create_with(
        &(weft_options){.name = "reader", .stack_size = 1024 * 1024, .measure_stack = true}, three_steps, &steps);
    CHECK_TEXT(weft_name(co), "reader");
    CHECK_EQUAL(weft_stack_size(co), 1024 * 1024);
    weft_enter(co);
    CHECK(weft_stack_high_water(co) > 0 && weft_stack_high_water(co) < 256 * 1024);
    weft_set_name(co, "writer");
    CHECK_TEXT(weft_name(co), "writer");
    CHECK(weft_id(co) > 0);
    CHECK_EQUAL(weft_coroutine_count(), 1);
    weft_destroy(co);
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

CASE(a_stack_that_can_not_be_had_is_told) {
    CHECK(weft_create_with(&(weft_options){.stack_size = SIZE_MAX / 2}, three_steps, NULL) == NULL);
}

static void note_it(void* what) {
    note((const char*)what);
}

static void defer_two_and_take_one_back(void* stay) {
    CHECK_EQUAL(weft_defer(note_it, (void*)"a"), 0);
    CHECK_EQUAL(weft_defer(note_it, (void*)"x"), 0);
    CHECK_EQUAL(weft_defer(note_it, (void*)"b"), 0);
    CHECK(weft_undefer(note_it, (void*)"x"));
    CHECK(!weft_undefer(note_it, (void*)"x"));
    if (stay != NULL) {
        weft_yield();
    }
    note("end ");
}

CASE(what_was_deferred_is_called_at_the_end_the_last_one_first) {
    weft_coroutine* co = weft_create(defer_two_and_take_one_back, NULL);
    CHECK(!weft_enter(co));
    CHECK_TEXT(notes, "end ba");
    weft_destroy(co);
    CHECK_TEXT(notes, "end ba");
}

CASE(destroying_a_suspended_one_calls_what_it_deferred_and_unwinds_nothing) {
    weft_coroutine* co = weft_create(defer_two_and_take_one_back, (void*)"stay");
    CHECK(weft_enter(co));
    weft_destroy(co);
    CHECK_TEXT(notes, "ba");
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static void defer_what_lies_on_the_stack(void* unused) {
    (void)unused;
    char text[] = "local";
    weft_defer(note_it, text);
    weft_yield();
}

CASE(what_is_deferred_may_use_the_stack_of_the_one_that_is_destroyed) {
    weft_coroutine* co = weft_create(defer_what_lies_on_the_stack, NULL);
    weft_enter(co);
    weft_destroy(co);
    CHECK_TEXT(notes, "local");
}

static void keep(weft_coroutine* self, void* kept) {
    *(weft_coroutine**)kept = self;
}

static void wait_for_a_wake_up(void* kept) {
    weft_suspend(keep, kept);
    note("woken");
}

CASE(suspend_hands_out_the_coroutine_and_wake_lets_it_go_on) {
    weft_coroutine* kept = NULL;
    weft_coroutine* co = weft_create(wait_for_a_wake_up, &kept);
    CHECK(weft_enter(co));
    CHECK(kept == co);
    weft_wake(kept);
    CHECK_TEXT(notes, "");
    CHECK(!weft_enter(co));
    CHECK_TEXT(notes, "woken");
    weft_destroy(co);
}

static void wake_at_once(weft_coroutine* self, void* unused) {
    (void)unused;
    weft_wake(self);
}

static void wait_twice(void* unused) {
    weft_suspend(wake_at_once, unused);
    weft_suspend(wake_at_once, unused);
}

CASE(a_wake_up_may_come_before_suspend_is_over) {
    weft_coroutine* co = weft_create(wait_twice, NULL);
    CHECK(weft_enter(co));
    CHECK(weft_enter(co));
    CHECK(!weft_enter(co));
    weft_destroy(co);
}

static void* enter_to_the_end(void* co) {
    while (weft_enter(co)) {
    }
    return NULL;
}

CASE(a_coroutine_may_go_on_on_another_thread) {
    int steps = 0;
    weft_coroutine* co = weft_create(three_steps, &steps);
    weft_enter(co);
    pthread_t thread;
    CHECK_EQUAL(pthread_create(&thread, NULL, enter_to_the_end, co), 0);
    pthread_join(thread, NULL);
    CHECK_EQUAL(steps, 3);
    weft_destroy(co);
}

static void enter_oneself(void* unused) {
    (void)unused;
    weft_enter(weft_self());
}

static void enter_one_that_runs(void) {
    weft_enter(weft_create_with(&(weft_options){.name = "reader"}, enter_oneself, NULL));
}

static void enter_one_that_has_ended(void) {
    int steps = 2;
    weft_coroutine* co = weft_create(three_steps, &steps);
    while (weft_enter(co)) {
    }
    weft_enter(co);
}

static void wake_one_that_does_not_wait(void) {
    int steps = 0;
    weft_coroutine* co = weft_create(three_steps, &steps);
    weft_enter(co);
    weft_wake(co);
}

static void destroy_one_that_waits(void) {
    weft_coroutine* kept = NULL;
    weft_coroutine* co = weft_create(wait_for_a_wake_up, &kept);
    weft_enter(co);
    weft_destroy(co);
}

static void yield_outside(void) {
    weft_yield();
}

static void enter_null(void) {
    weft_enter(NULL);
}

static void yield_at_an_unknown_place(void) {
    weft_yield_at(0);
}

static void end_thread(void* unused) {
    (void)unused;
    pthread_exit(NULL);
}

static void end_the_thread_inside(void) {
    weft_enter(weft_create(end_thread, NULL));
}

CASE(pthread_exit_inside_is_named) {
// Windows ends a thread without unwinding; ThreadSanitizer takes its end on another stack for the end of a coroutine of its own.
#if !defined(_WIN32) && !defined(__SANITIZE_THREAD__)
    CHECK_DIES(end_the_thread_inside, "weft: coroutine (id", "ends its thread (pthread_exit, pthread_cancel)",
               "coroutine_test.c:");
#else
    (void)end_the_thread_inside;
#endif
}

CASE(misuse_is_reported_with_both_places) {
    CHECK_DIES(enter_one_that_runs, "coroutine_test.c:", "coroutine \"reader\"", "created at",
               "coroutine_test.c:", "entered while it is already running; it was entered at", "coroutine_test.c:");
    CHECK_DIES(enter_one_that_has_ended, "coroutine_test.c:", "entered after it has ended");
    CHECK_DIES(wake_one_that_does_not_wait, "coroutine_test.c:", "which does not wait in weft_suspend()");
    CHECK_DIES(destroy_one_that_waits, "destroyed while it waits for a wake-up at", "coroutine_test.c:");
    CHECK_DIES(yield_outside, "coroutine_test.c:", "weft_yield() called outside a coroutine");
    CHECK_DIES(enter_null, "coroutine_test.c:", "weft_enter() of a coroutine that is NULL");
    CHECK_DIES(yield_at_an_unknown_place, "weft: weft_yield() called outside a coroutine");
}

static void begin_a_limit_and_leave(void* unused) {
    (void)unused;
    weft_shield_begin();
}

static void end_in_the_middle(void) {
    weft_enter(weft_create(begin_a_limit_and_leave, NULL));
}

CASE(ending_inside_a_limit_is_reported) {
    CHECK_DIES(end_in_the_middle, "ends between weft_limit_begin() or weft_shield_begin() and the end");
}
