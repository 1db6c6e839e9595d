/* What QEMU's coroutines promise, case by case: contexts, and going from one to another. */

#define _GNU_SOURCE
#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/coroutine.h"

#include <pthread.h>
#include <weft/weft.h>

#include "c/qemu_harness.h"

static void note_where(void* ctx) {
    *(AioContext**)ctx = qemu_get_current_aio_context();
}

static void note_self(void* done) {
    note("s");
    *(bool*)done = true;
}

LOOP_CASE(X1_one_that_is_scheduled_runs_there_and_in_a_turn_of_its_own) {
    bool done = false;
    aio_co_schedule(qemu_get_current_aio_context(), qemu_coroutine_create(note_self, &done));
    CHECK(!done);
    poll_until(&done);

    IOThread* thread = iothread_new();
    AioContext* ctx = NULL;
    aio_co_schedule(iothread_get_aio_context(thread), qemu_coroutine_create(note_where, &ctx));
    AioContext* expected = iothread_get_aio_context(thread);
    CHECK(expected != qemu_get_current_aio_context());
    iothread_join(thread);
    CHECK(ctx == expected);
    all_have_ended();
}

struct yielded {
    AioContext* ctx;
    bool has_yielded, ran_too_early, done;
};

static void schedule_oneself_and_be_slow(void* opaque) {
    struct yielded* y = (struct yielded*)opaque;
    for (int i = 0; i < 100; ++i) {
        aio_co_schedule(y->ctx, qemu_coroutine_self());
        /* The other thread is idle: it would be here at once. */
        for (volatile int j = 0; j < 1000; ++j) {
        }
        __atomic_store_n(&y->has_yielded, true, __ATOMIC_SEQ_CST);
        qemu_coroutine_yield();
        if (!__atomic_exchange_n(&y->has_yielded, false, __ATOMIC_SEQ_CST) ||
            qemu_get_current_aio_context() != y->ctx) {
            y->ran_too_early = true;
        }
        aio_co_reschedule_self(qemu_get_aio_context());
    }
    y->done = true;
}

LOOP_CASE(X1_never_before_the_caller_has_yielded) {
    qemu_init_main_loop(NULL);
    IOThread* thread = iothread_new();
    struct yielded y = {.ctx = iothread_get_aio_context(thread)};
    start(schedule_oneself_and_be_slow, &y);
    poll_until(&y.done);
    CHECK(!y.ran_too_early);
    iothread_join(thread);
    all_have_ended();
}

static void schedule_twice(void) {
    Coroutine* co = qemu_coroutine_create(note_self, NULL);
    aio_co_schedule(qemu_get_current_aio_context(), co);
    aio_co_schedule(qemu_get_current_aio_context(), co);
}

static void sleep_until_woken(void* unused) {
    QemuCoSleep sleeper = {NULL};
    (void)unused;
    qemu_co_sleep(&sleeper);
}

static void schedule_one_that_sleeps(void) {
    Coroutine* co = start(sleep_until_woken, NULL);
    aio_co_schedule(qemu_get_current_aio_context(), co);
}

CASE(X1_scheduling_one_twice_ends_the_program_and_names_the_first_place) {
    CHECK_DIES(schedule_twice, "aio_co_schedule()", "already scheduled in 'aio_co_schedule'");
    CHECK_DIES(schedule_one_that_sleeps, "aio_co_schedule()", "already scheduled in 'qemu_co_sleep'");
}

static void yield_and_note(void* opaque) {
    qemu_coroutine_yield();
    note((const char*)opaque);
}

static void wake_and_note(void* co) {
    aio_co_wake((Coroutine*)co);
    note("w");
}

CASE(X2_a_wake_up_enters_at_once_outside_coroutines_and_queues_inside) {
    aio_co_wake(start(yield_and_note, (void*)"1"));
    note("m");
    CHECK_TEXT(notes, "1m");
    start(wake_and_note, start(yield_and_note, (void*)"2"));
    CHECK_TEXT(notes, "1mw2");
    all_have_ended();
}

static void* wake_from_a_thread(void* co) {
    aio_co_wake((Coroutine*)co);
    return NULL;
}

static void yield_and_tell(void* opaque) {
    AioContext* before = qemu_get_current_aio_context();
    qemu_coroutine_yield();
    CHECK(qemu_get_current_aio_context() == before);
    CHECK(qemu_coroutine_get_aio_context(qemu_coroutine_self()) == before);
    *(bool*)opaque = true;
}

LOOP_CASE(X2_from_another_thread_it_goes_on_on_the_context_that_it_was_on) {
    bool done = false;
    Coroutine* co = start(yield_and_tell, &done);
    pthread_t thread;
    pthread_create(&thread, NULL, wake_from_a_thread, co);
    pthread_join(thread, NULL);
    CHECK(!done);
    poll_until(&done);
    all_have_ended();
}

static void wake_one_that_never_ran(void) {
    aio_co_wake(qemu_coroutine_create(note_self, NULL));
}

static void wake_self(void* opaque) {
    (void)opaque;
    aio_co_wake(qemu_coroutine_self());
}

static void start_wake_self(void) {
    start(wake_self, NULL);
}

CASE(X2_waking_one_that_has_no_context_or_runs_ends_the_program) {
    CHECK_DIES(wake_one_that_never_ran, "aio_co_wake()", "has not run on any context");
    CHECK_DIES(start_wake_self, "aio_co_wake()", "a coroutine that runs wakes itself");
}

struct journey {
    AioContext *here, *there;
    bool done;
};

static void travel(void* opaque) {
    struct journey* j = (struct journey*)opaque;
    CHECK(qemu_get_current_aio_context() == j->here);
    aio_co_reschedule_self(j->here); /* it is there already */
    aio_co_reschedule_self(j->there);
    CHECK(qemu_get_current_aio_context() == j->there);
    CHECK(qemu_in_coroutine());
    aio_co_reschedule_self(j->here);
    CHECK(qemu_get_current_aio_context() == j->here);
    j->done = true;
}

LOOP_CASE(X3_a_coroutine_goes_on_on_another_context_and_comes_back) {
    IOThread* thread = iothread_new();
    struct journey j = {qemu_get_current_aio_context(), iothread_get_aio_context(thread), false};
    start(travel, &j);
    poll_until(&j.done);
    iothread_join(thread);
    all_have_ended();
}

LOOP_CASE(X3_enter_runs_it_here_or_schedules_it_there) {
    AioContext* ctx = NULL;
    aio_co_enter(qemu_get_current_aio_context(), qemu_coroutine_create(note_where, &ctx));
    CHECK(ctx == qemu_get_current_aio_context());
    IOThread* thread = iothread_new();
    AioContext* expected = iothread_get_aio_context(thread);
    aio_co_enter(expected, qemu_coroutine_create(note_where, &ctx));
    iothread_join(thread);
    CHECK(ctx == expected);
    all_have_ended();
}

enum { contexts = 5, travellers = 8, trips = 200 };
static AioContext* context_of[contexts];
static int arrived_at[contexts], sent_to[contexts];
static int travelling;

struct traveller {
    AioContext* home;
    unsigned seed;
    bool* all_done;
};

static void go_around(void* opaque) {
    struct traveller* t = (struct traveller*)opaque;
    for (int i = 0; i < trips; ++i) {
        t->seed = t->seed * 1103515245u + 12345u;
        unsigned next = (t->seed >> 16) % contexts;
        __atomic_fetch_add(&sent_to[next], 1, __ATOMIC_RELAXED);
        aio_co_schedule(context_of[next], qemu_coroutine_self());
        qemu_coroutine_yield();
        CHECK(qemu_get_current_aio_context() == context_of[next]);
        __atomic_fetch_add(&arrived_at[next], 1, __ATOMIC_RELAXED);
    }
    aio_co_reschedule_self(t->home);
    *t->all_done = --travelling == 0; /* on the main context, so one at a time */
}

LOOP_CASE(X4_coroutines_put_themselves_on_random_contexts_and_each_runs_what_it_was_given) {
    IOThread* threads[contexts];
    struct traveller all[travellers];
    bool all_done = false;
    for (int i = 0; i < contexts; ++i) {
        threads[i] = iothread_new();
        context_of[i] = iothread_get_aio_context(threads[i]);
    }
    travelling = travellers;
    for (unsigned i = 0; i < travellers; ++i) {
        all[i] = (struct traveller){qemu_get_current_aio_context(), i, &all_done};
        start(go_around, &all[i]);
    }
    poll_until(&all_done);
    int sum = 0;
    for (int i = 0; i < contexts; ++i) {
        iothread_join(threads[i]);
        CHECK_EQUAL(arrived_at[i], sent_to[i]);
        sum += arrived_at[i];
    }
    CHECK_EQUAL(sum, travellers * trips);
    all_have_ended();
}

enum { posters = 3, calls = 200 };
static int next_of[posters];
static int calls_left = posters * calls;
static bool all_called;

static void expect_in_order(void* opaque) {
    int number = (int)(intptr_t)opaque;
    CHECK(!qemu_in_coroutine());
    CHECK_EQUAL(number % calls, next_of[number / calls]);
    ++next_of[number / calls];
    all_called = --calls_left == 0;
}

struct poster {
    AioContext* ctx;
    int number;
};

static void* post_many(void* opaque) {
    struct poster* p = (struct poster*)opaque;
    for (int i = 0; i < calls; ++i) {
        aio_bh_schedule_oneshot(p->ctx, expect_in_order, (void*)(intptr_t)(p->number * calls + i));
    }
    return NULL;
}

LOOP_CASE(X5_bottom_halves_come_in_order_from_any_thread) {
    pthread_t threads[posters];
    struct poster all[posters];
    for (int i = 0; i < posters; ++i) {
        all[i] = (struct poster){qemu_get_current_aio_context(), i};
        pthread_create(&threads[i], NULL, post_many, &all[i]);
    }
    poll_until(&all_called);
    for (int i = 0; i < posters; ++i) {
        pthread_join(threads[i], NULL);
    }
}

static QEMUBH* bottom_half;
static int times;

static void count_and_be_deleted(void* opaque) {
    (void)opaque;
    if (++times == 2) {
        qemu_bh_delete(bottom_half);
    }
}

LOOP_CASE(X5_a_bottom_half_that_is_kept_runs_once_for_all_that_came_before) {
    AioContext* ctx = qemu_get_current_aio_context();
    bottom_half = aio_bh_new(ctx, count_and_be_deleted, NULL);
    qemu_bh_schedule(bottom_half);
    qemu_bh_schedule(bottom_half);
    aio_poll(ctx, true);
    CHECK_EQUAL(times, 1);
    qemu_bh_schedule(bottom_half);
    qemu_bh_cancel(bottom_half);
    aio_poll(ctx, true);
    CHECK_EQUAL(times, 1);
    qemu_bh_schedule(bottom_half);
    aio_poll(ctx, true);
    CHECK_EQUAL(times, 2);
    bottom_half = aio_bh_new(ctx, count_and_be_deleted, NULL);
    qemu_bh_schedule(bottom_half);
    qemu_bh_delete(bottom_half);
    aio_poll(ctx, true);
    CHECK_EQUAL(times, 2);
}

static void poll_anothers_context(void) {
    IOThread* thread = iothread_new();
    aio_poll(iothread_get_aio_context(thread), false);
}

CASE(X5_a_context_is_polled_on_its_own_thread) {
    CHECK_DIES(poll_anothers_context, "aio_poll()", "the context is another thread's");
}
