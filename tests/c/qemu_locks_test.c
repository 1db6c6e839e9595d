/* What QEMU's coroutines promise, case by case: locks and queues. */

#define _GNU_SOURCE
#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/co-shared-resource.h"
#include "qemu/coroutine.h"

#include <pthread.h>
#include <weft/weft.h>

#include "c/qemu_harness.h"

static CoMutex mutex;
static CoQueue queue;
static CoRwlock rwlock;

/* ---- CoMutex ---------------------------------------------------------------------------------------------------------- */

static void lock_yield_unlock(void* opaque) {
    note((const char*)opaque);
    qemu_co_mutex_lock(&mutex);
    note("+");
    qemu_coroutine_yield();
    note((const char*)opaque);
    qemu_co_mutex_unlock(&mutex);
}

CASE(L1_the_lock_goes_to_the_waiter_that_nobody_enters_by_hand) {
    qemu_co_mutex_init(&mutex);
    Coroutine* c1 = start(lock_yield_unlock, (void*)"1");
    Coroutine* c2 = start(lock_yield_unlock, (void*)"2");
    CHECK_TEXT(notes, "1+2");
    qemu_coroutine_enter(c1); /* unlocks and ends */
    CHECK_TEXT(notes, "1+21+");
    qemu_coroutine_enter(c2);
    CHECK_TEXT(notes, "1+21+2");
    all_have_ended();
}

static void lock_and_note(void* opaque) {
    qemu_co_mutex_lock(&mutex);
    qemu_co_mutex_assert_locked(&mutex);
    note((const char*)opaque);
    qemu_co_mutex_unlock(&mutex);
}

static void unlock_and_lock_anew(void* opaque) {
    qemu_co_mutex_lock(&mutex);
    qemu_coroutine_yield();
    qemu_co_mutex_unlock(&mutex);
    qemu_co_mutex_lock(&mutex); /* those that wait were given it before */
    note((const char*)opaque);
    qemu_co_mutex_unlock(&mutex);
}

CASE(L2_first_come_first_served_and_no_newcomer_gets_between) {
    qemu_co_mutex_init(&mutex);
    Coroutine* holder = start(unlock_and_lock_anew, (void*)"h");
    start(lock_and_note, (void*)"1");
    start(lock_and_note, (void*)"2");
    start(lock_and_note, (void*)"3");
    qemu_coroutine_enter(holder);
    CHECK_TEXT(notes, "123h");
    all_have_ended();
}

static void unlock(void* opaque) {
    (void)opaque;
    qemu_co_mutex_unlock(&mutex);
}

static void assert_locked(void* opaque) {
    (void)opaque;
    qemu_co_mutex_assert_locked(&mutex);
}

static void unlock_what_another_holds(void) {
    start(lock_yield_unlock, (void*)"");
    start(unlock, NULL);
}

static void assert_what_another_holds(void) {
    start(lock_yield_unlock, (void*)"");
    start(assert_locked, NULL);
}

static void unlock_what_nobody_holds(void) {
    start(unlock, NULL);
}

static void lock_outside(void) {
    qemu_co_mutex_lock(&mutex);
}

CASE(L2_unlocking_and_asserting_by_another_end_the_program) {
    qemu_co_mutex_init(&mutex);
    CHECK_DIES(unlock_what_another_holds, "qemu_co_mutex_unlock()", "does not hold the CoMutex");
    CHECK_DIES(unlock_what_nobody_holds, "qemu_co_mutex_unlock()", "does not hold the CoMutex");
    CHECK_DIES(assert_what_another_holds, "qemu_co_mutex_assert_locked()", "does not hold the CoMutex");
    CHECK_DIES(lock_outside, "qemu_co_mutex_lock() called outside a coroutine");
}

enum { rounds = 300, each = 4 };
static long counter; /* under the mutex */

static void count(void* left_on_this_context) {
    for (int i = 0; i < rounds; ++i) {
        qemu_co_mutex_lock(&mutex);
        long seen = counter;
        if (i % 16 == 0) { /* let the loop run others while it is held */
            aio_co_schedule(qemu_get_current_aio_context(), qemu_coroutine_self());
            qemu_coroutine_yield();
        }
        counter = seen + 1;
        qemu_co_mutex_unlock(&mutex);
    }
    --*(int*)left_on_this_context;
}

static void* count_on_a_context(void* unused) {
    AioContext* ctx = qemu_get_current_aio_context();
    int left = each;
    for (int i = 0; i < each; ++i) {
        aio_co_schedule(ctx, qemu_coroutine_create(count, &left));
    }
    while (left > 0) {
        aio_poll(ctx, true);
    }
    return unused;
}

static void count_on(int contexts) {
    pthread_t threads[5];
    qemu_co_mutex_init(&mutex);
    for (int i = 0; i < contexts; ++i) {
        pthread_create(&threads[i], NULL, count_on_a_context, NULL);
    }
    for (int i = 0; i < contexts; ++i) {
        pthread_join(threads[i], NULL);
    }
    CHECK_EQUAL(counter, (long)contexts * each * rounds);
    all_have_ended();
}

LOOP_CASE(L3_two_contexts_count_exactly) {
    count_on(2);
}

LOOP_CASE(L3_five_contexts_count_exactly) {
    count_on(5);
}

static bool other_is_done; /* that thread's */

static void lock_and_note_and_be_done(void* opaque) {
    lock_and_note(opaque);
    other_is_done = true;
}

static void* lock_on_another_thread(void* unused) {
    start(lock_and_note_and_be_done, (void*)"2");
    while (!other_is_done) {
        aio_poll(qemu_get_current_aio_context(), true);
    }
    return unused;
}

LOOP_CASE(L4_a_locker_on_another_thread_spins_before_it_queues) {
    qemu_co_mutex_init(&mutex);
    Coroutine* holder = start(lock_yield_unlock, (void*)"1");
    start(lock_and_note, (void*)"3");
    CHECK_EQUAL(weft_co_mutex_spins(&mutex), 0); /* the holder is on this context */
    qemu_coroutine_enter(holder);
    all_have_ended();

    holder = start(lock_yield_unlock, (void*)"1");
    pthread_t thread;
    pthread_create(&thread, NULL, lock_on_another_thread, NULL);
    while (weft_co_mutex_spins(&mutex) == 0) {
    }
    qemu_coroutine_enter(holder); /* it spins still, or has queued */
    pthread_join(thread, NULL);
    CHECK_EQUAL(weft_co_mutex_spins(&mutex), 1);
    CHECK_TEXT(notes, "1+131+12");
}

/* ---- CoQueue ---------------------------------------------------------------------------------------------------------- */

static void wait_for(void* opaque) {
    qemu_co_mutex_lock(&mutex);
    qemu_co_queue_wait(&queue, &mutex);
    qemu_co_mutex_assert_locked(&mutex);
    note((const char*)opaque);
    qemu_co_mutex_unlock(&mutex);
}

static void wait_in_front(void* opaque) {
    qemu_co_mutex_lock(&mutex);
    qemu_co_queue_wait_flags(&queue, &mutex, CO_QUEUE_WAIT_FRONT);
    note((const char*)opaque);
    qemu_co_mutex_unlock(&mutex);
}

static void three_wait(CoroutineEntry* third) {
    qemu_co_mutex_init(&mutex);
    qemu_co_queue_init(&queue);
    CHECK(qemu_co_queue_empty(&queue));
    start(wait_for, (void*)"1");
    start(wait_for, (void*)"2");
    start(third, (void*)"3");
    CHECK(!qemu_co_queue_empty(&queue));
    CHECK_TEXT(notes, "");
}

static void wake_one_and_yield(void* opaque) {
    CHECK_EQUAL(qemu_co_queue_next(&queue), opaque != NULL);
    note("w");
    qemu_coroutine_yield();
    note("e");
}

CASE(L5_next_wakes_one_in_order_to_run_when_the_waker_yields) {
    three_wait(wait_for);
    Coroutine* waker = start(wake_one_and_yield, &queue);
    CHECK_TEXT(notes, "w1");
    qemu_coroutine_enter(waker);
    qemu_coroutine_enter(start(wake_one_and_yield, &queue));
    qemu_coroutine_enter(start(wake_one_and_yield, &queue));
    CHECK_TEXT(notes, "w1ew2ew3e");
    qemu_coroutine_enter(start(wake_one_and_yield, NULL)); /* nobody is left */
    all_have_ended();
}

CASE(L5_one_may_wait_at_the_front) {
    three_wait(wait_in_front);
    qemu_coroutine_enter(start(wake_one_and_yield, &queue));
    CHECK_TEXT(notes, "w3e");
    CHECK(qemu_co_enter_next(&queue, NULL));
    CHECK(qemu_co_enter_next(&queue, NULL));
    CHECK_TEXT(notes, "w3e12");
    all_have_ended();
}

static void wake_all(void* opaque) {
    (void)opaque;
    qemu_co_queue_restart_all(&queue);
    note("w");
}

CASE(L5_restart_all_wakes_all) {
    three_wait(wait_for);
    start(wake_all, NULL);
    CHECK_TEXT(notes, "w123");
    CHECK(qemu_co_queue_empty(&queue));
    all_have_ended();
}

static void wait_under_a_plain_mutex(void* lock) {
    qemu_mutex_lock((QemuMutex*)lock);
    qemu_co_queue_wait(&queue, (QemuMutex*)lock);
    note("q");
    qemu_mutex_unlock((QemuMutex*)lock);
}

CASE(L5_enter_next_and_enter_all_drop_the_lock_meanwhile) {
    QemuMutex lock;
    qemu_mutex_init(&lock);
    qemu_co_queue_init(&queue);
    start(wait_under_a_plain_mutex, &lock);
    start(wait_under_a_plain_mutex, &lock);
    start(wait_under_a_plain_mutex, &lock);
    qemu_mutex_lock(&lock);
    CHECK(qemu_co_enter_next(&queue, &lock)); /* it would hang if the lock was held */
    CHECK_TEXT(notes, "q");
    CHECK(pthread_mutex_trylock(&lock.lock) != 0);
    qemu_co_enter_all(&queue, &lock);
    CHECK_TEXT(notes, "qqq");
    CHECK(!qemu_co_enter_next(&queue, &lock));
    qemu_mutex_unlock(&lock);
    qemu_mutex_destroy(&lock);
    all_have_ended();
}

static void wait_again_and_again(void* opaque) {
    for (int i = 0; i < 2; ++i) {
        qemu_co_queue_wait(&queue, NULL);
        note((const char*)opaque);
    }
}

CASE(L5_enter_all_enters_those_that_wait_now_and_not_those_that_wait_again) {
    qemu_co_queue_init(&queue);
    start(wait_again_and_again, (void*)"1");
    start(wait_again_and_again, (void*)"2");
    qemu_co_enter_all(&queue, NULL);
    CHECK_TEXT(notes, "12");
    qemu_co_enter_all(&queue, NULL);
    CHECK_TEXT(notes, "1212");
    all_have_ended();
}

static void wait_under_a_pthread_mutex(void* lock) {
    pthread_mutex_lock((pthread_mutex_t*)lock);
    qemu_co_queue_wait(&queue, (pthread_mutex_t*)lock);
    note("p");
    pthread_mutex_unlock((pthread_mutex_t*)lock);
}

static void wait_without_a_lock(void* opaque) {
    (void)opaque;
    qemu_co_queue_wait(&queue, NULL);
    note("0");
}

CASE(L6_the_lock_may_be_of_any_kind_or_none) {
    QemuMutex plain;
    pthread_mutex_t pthread = PTHREAD_MUTEX_INITIALIZER;
    qemu_mutex_init(&plain);
    qemu_co_mutex_init(&mutex);
    qemu_co_queue_init(&queue);
    start(wait_for, (void*)"m");
    start(wait_under_a_plain_mutex, &plain);
    start(wait_under_a_pthread_mutex, &pthread);
    start(wait_without_a_lock, NULL);
    for (int i = 0; i < 4; ++i) {
        CHECK(qemu_co_enter_next(&queue, NULL));
    }
    CHECK_TEXT(notes, "mqp0");
    {
        QEMU_LOCK_GUARD(&plain);
        CHECK(pthread_mutex_trylock(&plain.lock) != 0);
    }
    CHECK_EQUAL(pthread_mutex_trylock(&plain.lock), 0);
    qemu_mutex_unlock(&plain);
    all_have_ended();
}

/* ---- CoRwlock --------------------------------------------------------------------------------------------------------- */

static void read_yield(void* opaque) {
    qemu_co_rwlock_rdlock(&rwlock);
    note((const char*)opaque);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

static void write_yield(void* opaque) {
    qemu_co_rwlock_wrlock(&rwlock);
    note((const char*)opaque);
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

CASE(L7_readers_share_and_wait_behind_a_waiting_writer_and_are_let_in_together) {
    qemu_co_rwlock_init(&rwlock);
    Coroutine* r1 = start(read_yield, (void*)"1");
    Coroutine* r2 = start(read_yield, (void*)"2");
    CHECK_TEXT(notes, "12");
    Coroutine* w1 = start(write_yield, (void*)"w");
    Coroutine* r3 = start(read_yield, (void*)"3");
    Coroutine* r4 = start(read_yield, (void*)"4");
    Coroutine* w2 = start(write_yield, (void*)"x");
    Coroutine* r5 = start(read_yield, (void*)"5");
    CHECK_TEXT(notes, "12");
    qemu_coroutine_enter(r1);
    CHECK_TEXT(notes, "12");
    qemu_coroutine_enter(r2);
    CHECK_TEXT(notes, "12w");
    qemu_coroutine_enter(w1);
    CHECK_TEXT(notes, "12w34");
    qemu_coroutine_enter(r3);
    qemu_coroutine_enter(r4);
    CHECK_TEXT(notes, "12w34x");
    qemu_coroutine_enter(w2);
    CHECK_TEXT(notes, "12w34x5");
    qemu_coroutine_enter(r5);
    all_have_ended();
}

static void read_then_upgrade(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_rdlock(&rwlock);
    note("r");
    qemu_coroutine_yield();
    qemu_co_rwlock_upgrade(&rwlock);
    note("u");
    qemu_co_rwlock_unlock(&rwlock);
}

static void write_and_unlock(void* opaque) {
    qemu_co_rwlock_wrlock(&rwlock);
    note((const char*)opaque);
    qemu_co_rwlock_unlock(&rwlock);
}

CASE(L8_an_upgrade_queues_behind_the_writer_that_waits) {
    qemu_co_rwlock_init(&rwlock);
    Coroutine* c1 = start(read_then_upgrade, NULL);
    start(write_and_unlock, (void*)"w");
    CHECK_TEXT(notes, "r");
    qemu_coroutine_enter(c1);
    CHECK_TEXT(notes, "rwu");
    all_have_ended();
}

CASE(L8_an_upgrade_of_the_only_one_is_had_at_once) {
    qemu_co_rwlock_init(&rwlock);
    Coroutine* c1 = start(read_then_upgrade, NULL);
    qemu_coroutine_enter(c1);
    CHECK_TEXT(notes, "ru");
    all_have_ended();
}

static void write_downgrade_yield(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_wrlock(&rwlock);
    note("w");
    qemu_co_rwlock_downgrade(&rwlock);
    note("d");
    qemu_coroutine_yield();
    qemu_co_rwlock_unlock(&rwlock);
}

CASE(L9_a_downgrade_lets_the_next_reader_in_at_once_and_nobody_hangs) {
    qemu_co_rwlock_init(&rwlock);
    Coroutine* c1 = start(read_yield, (void*)"1");
    Coroutine* c2 = start(write_downgrade_yield, NULL);
    Coroutine* c3 = start(read_yield, (void*)"3");
    Coroutine* c4 = start(write_yield, (void*)"4");
    CHECK_TEXT(notes, "1");
    qemu_coroutine_enter(c1);
    CHECK_TEXT(notes, "1wd3");
    qemu_coroutine_enter(c2);
    CHECK_TEXT(notes, "1wd3");
    qemu_coroutine_enter(c3);
    CHECK_TEXT(notes, "1wd34");
    qemu_coroutine_enter(c4);
    all_have_ended();
}

static void downgrade_as_a_reader(void* opaque) {
    (void)opaque;
    qemu_co_rwlock_rdlock(&rwlock);
    qemu_co_rwlock_downgrade(&rwlock);
}

static void start_downgrade_as_a_reader(void) {
    start(downgrade_as_a_reader, NULL);
}

CASE(L9_a_downgrade_by_a_reader_ends_the_program) {
    qemu_co_rwlock_init(&rwlock);
    CHECK_DIES(start_downgrade_as_a_reader, "qemu_co_rwlock_downgrade()", "no writer");
}

/* ---- SharedResource --------------------------------------------------------------------------------------------------- */

static SharedResource* resource;

static void take_two_and_put_back(void* opaque) {
    co_get_from_shres(resource, 2);
    note((const char*)opaque);
    qemu_coroutine_yield();
    co_put_to_shres(resource, 2);
}

static void take_three(void* opaque) {
    co_get_from_shres(resource, 3);
    note((const char*)opaque);
    co_put_to_shres(resource, 3);
}

CASE(L10_units_are_waited_for_and_put_back_in_order) {
    resource = shres_create(4);
    Coroutine* c1 = start(take_two_and_put_back, (void*)"1");
    Coroutine* c2 = start(take_two_and_put_back, (void*)"2");
    CHECK(!co_try_get_from_shres(resource, 1));
    start(take_three, (void*)"3");
    Coroutine* c4 = start(take_two_and_put_back, (void*)"4");
    CHECK_TEXT(notes, "12");
    qemu_coroutine_enter(c1); /* two are there: enough for c4, but it is behind the one that wants three */
    CHECK_TEXT(notes, "12");
    CHECK(!co_try_get_from_shres(resource, 1));
    qemu_coroutine_enter(c2);
    CHECK_TEXT(notes, "1234");
    CHECK(co_try_get_from_shres(resource, 2));
    CHECK(!co_try_get_from_shres(resource, 1));
    qemu_coroutine_enter(c4);
    co_put_to_shres(resource, 2);
    shres_destroy(resource);
    all_have_ended();
}

static void take_more_than_there_are(void* opaque) {
    (void)opaque;
    co_get_from_shres(resource, 5);
}

static void start_take_more_than_there_are(void) {
    start(take_more_than_there_are, NULL);
}

static void put_back_more_than_were_taken(void) {
    co_put_to_shres(resource, 1);
}

CASE(L10_more_than_there_are_ends_the_program) {
    resource = shres_create(4);
    CHECK_DIES(start_take_more_than_there_are, "co_get_from_shres()", "more units are wanted than there are");
    CHECK_DIES(put_back_more_than_were_taken, "co_put_to_shres()", "more units are put back than were taken");
    shres_destroy(resource);
}
