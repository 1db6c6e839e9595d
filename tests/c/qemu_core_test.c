/* What QEMU's coroutines promise, case by case: create, enter, yield. */

#define _GNU_SOURCE
#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/coroutine.h"

#include <pthread.h>
#include <weft/weft.h>

#include "c/harness.h"

static void set_flag(void* opaque) {
    *(bool*)opaque = true;
}

static void create_enter_and_look(void) {
    bool done = false;
    Coroutine* co = qemu_coroutine_create(set_flag, &done);
    CHECK(!done);
    qemu_coroutine_enter(co);
    CHECK(done);
}

CASE(C1_one_that_returns_is_freed_and_the_pool_leaves_no_state) {
    create_enter_and_look();
    create_enter_and_look();
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static void enter_and_note(void* opaque) {
    qemu_coroutine_enter((Coroutine*)opaque);
    note("c");
}

static void note_and_yield(void* opaque) {
    note((char*)opaque);
    qemu_coroutine_yield();
    note((char*)opaque);
}

CASE(C1_control_goes_on_in_whoever_entered_it_last) {
    Coroutine* inner = qemu_coroutine_create(note_and_yield, (void*)"i");
    qemu_coroutine_enter(inner); /* main enters it first, and another coroutine last */
    note("m");
    qemu_coroutine_enter(qemu_coroutine_create(enter_and_note, inner));
    note("m");
    CHECK_TEXT(notes, "imicm");
}

static void yield_five_times(void* opaque) {
    bool* done = (bool*)opaque;
    for (int i = 0; i < 5; ++i) {
        int kept = i * 7;
        qemu_coroutine_yield();
        CHECK_EQUAL(kept, i * 7);
    }
    *done = true;
}

CASE(C2_five_yields_take_six_enters) {
    bool done = false;
    Coroutine* co = qemu_coroutine_create(yield_five_times, &done);
    int enters = 0;
    while (!done) {
        qemu_coroutine_enter(co);
        ++enters;
    }
    CHECK_EQUAL(enters, 6);
}

struct nesting {
    unsigned entered, returned, depth;
};

static void enter_the_next(void* opaque) {
    struct nesting* n = (struct nesting*)opaque;
    if (++n->entered < n->depth) {
        qemu_coroutine_enter(qemu_coroutine_create(enter_the_next, n));
    }
    ++n->returned;
}

static void nest(unsigned depth) {
    struct nesting n = {0, 0, depth};
    qemu_coroutine_enter(qemu_coroutine_create(enter_the_next, &n));
    CHECK_EQUAL(n.entered, depth);
    CHECK_EQUAL(n.returned, depth);
}

CASE(C3_enters_nest_128_deep) {
    nest(128);
}

/* ThreadSanitizer makes a fiber for each, which takes 0.3 ms and more: 25 s for 20 rounds. */
#if defined(__SANITIZE_THREAD__)
enum { rounds = 2 };
#else
enum { rounds = 20 };
#endif

CASE(C3_enters_nest_1000_deep_again_and_again) {
    for (int i = 0; i < rounds; ++i) {
        nest(1000);
    }
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static void check_self(void* opaque) {
    CHECK(qemu_coroutine_self() == *(Coroutine**)opaque);
    qemu_coroutine_yield();
    CHECK(qemu_coroutine_self() == *(Coroutine**)opaque);
}

static void* check_leader(void* leader_of_another) {
    Coroutine* leader = qemu_coroutine_self();
    CHECK(leader != NULL && leader != leader_of_another);
    CHECK(!qemu_in_coroutine());
    return NULL;
}

CASE(C4_self_is_what_create_gave_and_a_thread_has_a_leader) {
    Coroutine* leader = qemu_coroutine_self();
    CHECK(leader != NULL);
    CHECK(!qemu_in_coroutine());
    CHECK(!qemu_coroutine_entered(leader));
    Coroutine* co;
    co = qemu_coroutine_create(check_self, &co);
    CHECK(co != leader);
    qemu_coroutine_enter(co);
    CHECK(qemu_coroutine_self() == leader);
    qemu_coroutine_enter(co);
    pthread_t thread;
    pthread_create(&thread, NULL, check_leader, leader);
    pthread_join(thread, NULL);
}

static void check_inside(void* opaque) {
    (void)opaque;
    CHECK(qemu_in_coroutine());
    qemu_coroutine_yield();
    CHECK(qemu_in_coroutine());
}

CASE(C5_in_coroutine_inside_and_not_outside) {
    CHECK(!qemu_in_coroutine());
    Coroutine* co = qemu_coroutine_create(check_inside, NULL);
    qemu_coroutine_enter(co);
    CHECK(!qemu_in_coroutine());
    qemu_coroutine_enter(co);
    CHECK(!qemu_in_coroutine());
}

static void note_twice(void* opaque) {
    (void)opaque;
    note("inside1 ");
    qemu_coroutine_yield();
    note("inside2 ");
}

CASE(C6_order_of_execution) {
    Coroutine* co = qemu_coroutine_create(note_twice, NULL);
    note("outside1 ");
    qemu_coroutine_enter(co);
    note("outside2 ");
    qemu_coroutine_enter(co);
    note("outside3 ");
    CHECK_TEXT(notes, "outside1 inside1 outside2 inside2 outside3 ");
}

static Coroutine *outer, *middle, *inner;

static void look_who_is_entered(void* opaque) {
    (void)opaque;
    CHECK(qemu_coroutine_entered(outer) && qemu_coroutine_entered(middle) && qemu_coroutine_entered(inner));
    qemu_coroutine_yield();
    CHECK(!qemu_coroutine_entered(outer) && !qemu_coroutine_entered(middle) && qemu_coroutine_entered(inner));
}

static void enter_and_yield(void* opaque) {
    Coroutine** next = (Coroutine**)opaque;
    CHECK(!qemu_coroutine_entered(*next));
    qemu_coroutine_enter(*next);
    qemu_coroutine_yield();
}

CASE(C7_entered_is_true_for_the_one_that_runs_and_those_that_entered_it) {
    inner = qemu_coroutine_create(look_who_is_entered, NULL);
    middle = qemu_coroutine_create(enter_and_yield, &inner);
    outer = qemu_coroutine_create(enter_and_yield, &middle);
    CHECK(!qemu_coroutine_entered(outer));
    qemu_coroutine_enter(outer);
    CHECK(!qemu_coroutine_entered(outer) && !qemu_coroutine_entered(middle) && !qemu_coroutine_entered(inner));
    qemu_coroutine_enter(inner);
    qemu_coroutine_enter(middle);
    qemu_coroutine_enter(outer);
}

static void enter_oneself_if_inactive(void* opaque) {
    qemu_coroutine_enter_if_inactive(qemu_coroutine_self()); /* does nothing */
    ++*(int*)opaque;
    qemu_coroutine_yield();
    ++*(int*)opaque;
}

CASE(C8_enter_if_inactive_enters_only_one_that_is_not_entered) {
    int steps = 0;
    Coroutine* co = qemu_coroutine_create(enter_oneself_if_inactive, &steps);
    qemu_coroutine_enter_if_inactive(co);
    CHECK_EQUAL(steps, 1);
    qemu_coroutine_enter_if_inactive(co);
    CHECK_EQUAL(steps, 2);
}

static void just_yield(void* opaque) {
    note("2");
    qemu_coroutine_yield();
    *(bool*)opaque = true;
}

static void enter_once(void* opaque) {
    qemu_coroutine_enter((Coroutine*)opaque);
    note("1");
}

/* All of its stack, as far as the one before may have used it. */
static void overwrite_the_stack(void* opaque) {
    volatile char bytes[8192];
    for (size_t i = 0; i < sizeof bytes; ++i) {
        bytes[i] = (char)0xff;
    }
    *(bool*)opaque = bytes[0] != 0;
    qemu_coroutine_yield();
}

CASE(C9_nothing_of_an_enterer_that_has_ended_is_touched) {
    bool ended = false, overwritten = false;
    Coroutine* c2 = qemu_coroutine_create(just_yield, &ended);
    Coroutine* c1 = qemu_coroutine_create(enter_once, c2);
    qemu_coroutine_enter(c1);
    CHECK_TEXT(notes, "21");
    Coroutine* c3 = qemu_coroutine_create(overwrite_the_stack, &overwritten);
    CHECK(c3 == c1); /* it has got that one's memory */
    qemu_coroutine_enter(c3);
    CHECK(overwritten);
    qemu_coroutine_enter(c2);
    CHECK(ended);
    qemu_coroutine_enter(c3);
}

static void enter_oneself(void* opaque) {
    (void)opaque;
    qemu_coroutine_enter(qemu_coroutine_self());
}

static void enter_recursively(void) {
    qemu_coroutine_enter(qemu_coroutine_create(enter_oneself, NULL));
}

static Coroutine* first;

static void enter_the_first(void* opaque) {
    (void)opaque;
    qemu_coroutine_enter(first);
}

static void enter_what_opaque_says(void* opaque) {
    qemu_coroutine_enter((Coroutine*)opaque);
}

static void enter_ones_enterer(void) {
    Coroutine* second = qemu_coroutine_create(enter_the_first, NULL);
    first = qemu_coroutine_create(enter_what_opaque_says, second);
    qemu_coroutine_enter(first);
}

CASE(C10_entering_one_that_has_a_caller_ends_the_program) {
    CHECK_DIES(enter_recursively, "qemu_core_test.c:", "re-entered recursively", "entered it at", "qemu_core_test.c:");
    CHECK_DIES(enter_ones_enterer, "re-entered recursively");
}

static void enter_one_that_is_scheduled(void) {
    bool done = false;
    Coroutine* co = qemu_coroutine_create(set_flag, &done);
    aio_co_schedule(qemu_get_current_aio_context(), co);
    qemu_coroutine_enter(co);
}

static void sleep_long(void* opaque) {
    (void)opaque;
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 1000000000);
}

static void enter_one_that_sleeps(void) {
    Coroutine* co = qemu_coroutine_create(sleep_long, NULL);
    qemu_coroutine_enter(co);
    qemu_coroutine_enter(co);
}

CASE(C10_entering_one_that_is_scheduled_elsewhere_ends_the_program) {
    CHECK_DIES(enter_one_that_is_scheduled, "qemu_core_test.c:", "already scheduled in 'aio_co_schedule'");
    CHECK_DIES(enter_one_that_sleeps, "already scheduled in 'qemu_co_sleep'");
}

static void yield_outside(void) {
    qemu_coroutine_yield();
}

CASE(C10_yielding_with_no_caller_ends_the_program) {
    CHECK_DIES(yield_outside, "qemu_core_test.c:", "yielding to no one");
}

static void lock_and_end(void* opaque) {
    qemu_co_mutex_lock((CoMutex*)opaque);
}

static void end_with_a_lock_held(void) {
    CoMutex mutex;
    qemu_co_mutex_init(&mutex);
    qemu_coroutine_enter(qemu_coroutine_create(lock_and_end, &mutex));
}

CASE(C10_ending_with_locks_held_ends_the_program) {
    CHECK_DIES(end_with_a_lock_held, "ends with 1 locks held");
}

static void enter_the_leader(void) {
    qemu_coroutine_enter(qemu_coroutine_self());
}

static void enter_one_that_has_ended(void) {
    bool done = false;
    Coroutine* co = qemu_coroutine_create(set_flag, &done);
    qemu_coroutine_enter(co);
    qemu_coroutine_enter(co);
}

CASE(C10_entering_what_is_no_coroutine_ends_the_program) {
    CHECK_DIES(enter_the_leader, "a thread's leader entered");
    CHECK_DIES(enter_one_that_has_ended, "it has ended");
}

static pthread_t seen[3];

static void note_the_threads(void* opaque) {
    (void)opaque;
    for (int i = 0; i < 3; ++i) {
        seen[i] = pthread_self();
        qemu_coroutine_yield();
    }
}

static void* enter_here(void* co) {
    qemu_coroutine_enter((Coroutine*)co);
    return (void*)pthread_self();
}

CASE(C11_it_may_go_on_on_another_thread_after_each_yield) {
    Coroutine* co = qemu_coroutine_create(note_the_threads, NULL);
    for (int i = 0; i < 3; ++i) {
        pthread_t thread;
        void* id;
        pthread_create(&thread, NULL, enter_here, co);
        pthread_join(thread, &id);
        CHECK(pthread_equal(seen[i], (pthread_t)id));
    }
    qemu_coroutine_enter(co);
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static void nothing(void* opaque) {
    (void)opaque;
}

enum { many = 100 };

static void make_many_at_once(Coroutine** handles) {
    for (int i = 0; i < many; ++i) {
        handles[i] = qemu_coroutine_create(nothing, NULL);
    }
    for (int i = 0; i < many; ++i) {
        qemu_coroutine_enter(handles[i]);
    }
}

CASE(C12_the_pool_can_be_made_larger_and_smaller) {
    Coroutine* handles[many];
    make_many_at_once(handles);
    CHECK_EQUAL(weft_spare_stacks(), 64);
    qemu_coroutine_inc_pool_size(20);
    make_many_at_once(handles);
    CHECK_EQUAL(weft_spare_stacks(), 84);
    qemu_coroutine_dec_pool_size(80);
    make_many_at_once(handles); /* takes out all, and puts back as many as there may be */
    CHECK_EQUAL(weft_spare_stacks(), 4);
}

static void* make_many(void* handles) {
    make_many_at_once((Coroutine**)handles);
    CHECK_EQUAL(weft_spare_stacks(), 64);
    return NULL;
}

static int compare(const void* a, const void* b) {
    return memcmp(a, b, sizeof(Coroutine*));
}

CASE(C12_what_a_thread_keeps_goes_when_it_ends) {
    Coroutine *theirs[many], *ours[many];
    pthread_t thread;
    pthread_create(&thread, NULL, make_many, theirs);
    pthread_join(thread, NULL);
    make_many_at_once(ours); /* of this thread's own it had none */
    qsort(theirs, many, sizeof theirs[0], compare);
    qsort(ours, many, sizeof ours[0], compare);
    CHECK(memcmp(theirs, ours, sizeof ours) == 0);
}

/* Wakes those whose letters are in `wakes`, and yields; notes its name at the beginning and at the end. */
struct waker {
    const char *name, *wakes;
    bool ends_at_once;
};
static Coroutine* by_letter[128];

static void wake_others(void* opaque) {
    struct waker* w = (struct waker*)opaque;
    note(w->name);
    for (const char* letter = w->wakes; *letter != '\0'; ++letter) {
        aio_co_wake(by_letter[(int)*letter]);
    }
    if (!w->ends_at_once) {
        qemu_coroutine_yield();
        note(w->name);
    }
}

/* Has run once already: so it belongs to this context. */
static void run_up_to_the_first_yield(void* opaque) {
    qemu_coroutine_yield();
    wake_others(opaque);
}

static void parked(struct waker* w) {
    Coroutine* co = qemu_coroutine_create(run_up_to_the_first_yield, w);
    by_letter[(int)w->name[0]] = co;
    qemu_coroutine_enter(co);
}

CASE(C13_what_is_woken_runs_when_the_waker_yields_depth_first_before_the_enterer) {
    struct waker a = {"a", "bc", false}, b = {"b", "de", false}, c = {"c", "", true}, d = {"d", "", true},
                 e = {"e", "", true};
    parked(&b);
    parked(&c);
    parked(&d);
    parked(&e);
    Coroutine* co = qemu_coroutine_create(wake_others, &a);
    qemu_coroutine_enter(co);
    note("m");
    CHECK_TEXT(notes, "abdecm");
    qemu_coroutine_enter(by_letter['b']);
    qemu_coroutine_enter(co);
    CHECK_TEXT(notes, "abdecmba");
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

CASE(C13_none_is_lost_if_the_waker_ends_meanwhile) {
    struct waker a = {"a", "b", true}, b = {"b", "c", true}, c = {"c", "", true};
    parked(&b);
    parked(&c);
    qemu_coroutine_enter(qemu_coroutine_create(wake_others, &a));
    CHECK_TEXT(notes, "abc");
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static void wake_one_then_enter_another(void* opaque) {
    (void)opaque;
    aio_co_wake(by_letter['b']);
    note("a");
    qemu_coroutine_enter(by_letter['c']);
    note("a");
}

CASE(C13_what_one_has_woken_waits_while_it_enters_another) {
    struct waker b = {"b", "", true}, c = {"c", "d", true}, d = {"d", "", true};
    parked(&b);
    parked(&c);
    parked(&d);
    qemu_coroutine_enter(qemu_coroutine_create(wake_one_then_enter_another, NULL));
    CHECK_TEXT(notes, "acdab");
}

static void wake_then_wait_for_the_loop(void* opaque) {
    aio_co_wake(by_letter['b']);
    weft_sleep(0); /* a wait of weft's own, which this loop ends, and enters this coroutine after */
    aio_co_wake(by_letter['c']);
    weft_sleep(0);
    *(bool*)opaque = true;
}

LOOP_CASE(C13_none_is_lost_if_the_waker_waits_in_weft) {
    struct waker b = {"b", "", true}, c = {"c", "", true};
    bool done = false;
    parked(&b);
    parked(&c);
    qemu_coroutine_enter(qemu_coroutine_create(wake_then_wait_for_the_loop, &done));
    CHECK_TEXT(notes, "b");
    while (!done) {
        aio_poll(qemu_get_current_aio_context(), true);
    }
    CHECK_TEXT(notes, "bc");
}

static void wake_twice(void* opaque) {
    (void)opaque;
    aio_co_wake(by_letter['b']);
    aio_co_wake(by_letter['b']);
}

static void wake_one_that_is_woken_already(void) {
    struct waker b = {"b", "", true};
    parked(&b);
    qemu_coroutine_enter(qemu_coroutine_create(wake_twice, NULL));
}

CASE(C13_a_second_wake_up_before_the_first_is_over_ends_the_program) {
    CHECK_DIES(wake_one_that_is_woken_already, "aio_co_wake()", "already scheduled in 'aio_co_wake'");
}
