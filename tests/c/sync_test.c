/* Locks, queues and channels of weft.h. */

#define _GNU_SOURCE
#include <weft/weft.h>

#include <errno.h>
#include <pthread.h>

#include "c/harness.h"

static weft_mutex mutex = WEFT_MUTEX_INIT; /* as those of the cases below: all zero */
static weft_rwlock rwlock;
static weft_queue queue;
static weft_semaphore semaphore;

static long counter;

static int count(void* unused) {
    (void)unused;
    for (int i = 0; i < 200; ++i) {
        CHECK_EQUAL(weft_mutex_lock(&mutex), 0);
        CHECK(weft_mutex_owned(&mutex));
        long seen = counter;
        if (i % 16 == 0) {
            weft_yield();
        }
        counter = seen + 1;
        weft_mutex_unlock(&mutex);
    }
    return 0;
}

static int count_in_a_scope(void* unused) {
    weft_scope* scope = weft_scope_new();
    for (int i = 0; i < 4; ++i) {
        weft_scope_spawn(scope, count, unused);
    }
    CHECK_EQUAL(weft_scope_join(scope), 0);
    weft_scope_delete(scope);
    return 0;
}

static void* count_on_a_thread(void* unused) {
    CHECK_EQUAL(weft_run(count_in_a_scope, unused), 0);
    return NULL;
}

LOOP_CASE(a_mutex_is_held_by_one_of_any_loops) {
    pthread_t thread;
    pthread_create(&thread, NULL, count_on_a_thread, NULL);
    count_on_a_thread(NULL);
    pthread_join(thread, NULL);
    CHECK_EQUAL(counter, 2 * 4 * 200);
    weft_mutex_destroy(&mutex);
}

static int try_what_another_holds(void* unused) {
    (void)unused;
    CHECK(!weft_mutex_try_lock(&mutex));
    CHECK(!weft_mutex_owned(&mutex));
    weft_limit limit;
    weft_limit_begin(&limit, WEFT_MILLISECOND);
    CHECK_EQUAL(weft_mutex_lock(&mutex), -ETIMEDOUT);
    weft_limit_end(&limit);
    return 0;
}

static int hold_the_mutex(void* unused) {
    CHECK(weft_mutex_try_lock(&mutex));
    CHECK_EQUAL(weft_join(weft_spawn(try_what_another_holds, unused), NULL), 0);
    weft_mutex_unlock(&mutex);
    return 0;
}

LOOP_CASE(a_lock_that_is_waited_for_too_long_is_not_held) {
    CHECK_EQUAL(weft_run(hold_the_mutex, NULL), 0);
}

static void unlock_what_is_free(void) {
    weft_mutex_unlock(&mutex);
}

static void destroy_what_is_locked(void) {
    weft_mutex_lock(&mutex);
    weft_mutex_destroy(&mutex);
}

static void acquire_a_negative_amount(void) {
    weft_semaphore_init(&semaphore, 1);
    weft_semaphore_acquire(&semaphore, -1);
}

static void acquire_more_than_the_maximum(void) {
    weft_semaphore_init_bounded(&semaphore, 1, 2);
    weft_semaphore_acquire(&semaphore, 3);
}

static void release_more_than_the_maximum(void) {
    weft_semaphore_init_bounded(&semaphore, 1, 2);
    weft_semaphore_release(&semaphore, 2);
}

CASE(misuse_of_locks_is_reported) {
    CHECK_DIES(unlock_what_is_free, "sync_test.c:", "unlock() of a weft::mutex that the caller does not hold");
    CHECK_DIES(destroy_what_is_locked, "a weft::mutex was destroyed while it was locked");
    CHECK_DIES(acquire_a_negative_amount, "sync_test.c:", "the amount is negative");
    CHECK_DIES(acquire_more_than_the_maximum, "sync_test.c:", "maximum is 2: it would wait for ever");
    CHECK_DIES(release_more_than_the_maximum, "of at most 2");
}

static int read_and_note(void* name) {
    weft_rwlock_lock_shared(&rwlock);
    note((const char*)name);
    weft_yield();
    weft_rwlock_unlock_shared(&rwlock);
    return 0;
}

static int write_downgrade_and_note(void* name) {
    weft_rwlock_lock(&rwlock);
    note((const char*)name);
    weft_rwlock_downgrade(&rwlock);
    weft_rwlock_unlock_shared(&rwlock);
    return 0;
}

static int read_and_write(void* unused) {
    (void)unused;
    CHECK(weft_rwlock_try_lock_shared(&rwlock));
    weft_scope* scope = weft_scope_new();
    weft_scope_spawn(scope, write_downgrade_and_note, (void*)"w");
    weft_scope_spawn(scope, read_and_note, (void*)"r");
    weft_yield();
    CHECK_TEXT(notes, "");
    CHECK(!weft_rwlock_try_lock(&rwlock));
    CHECK_EQUAL(weft_rwlock_upgrade(&rwlock), 0);
    weft_rwlock_unlock(&rwlock);
    CHECK_EQUAL(weft_scope_join(scope), 0);
    weft_scope_delete(scope);
    CHECK_TEXT(notes, "wr");
    CHECK(weft_rwlock_try_lock(&rwlock));
    weft_rwlock_unlock(&rwlock);
    weft_rwlock_destroy(&rwlock);
    return 0;
}

LOOP_CASE(a_rwlock_is_shared_upgraded_and_downgraded) {
    CHECK_EQUAL(weft_run(read_and_write, NULL), 0);
}

static int wait_and_note(void* name) {
    weft_mutex_lock(&mutex);
    int error = weft_queue_wait(&queue, &mutex);
    CHECK(weft_mutex_owned(&mutex));
    note(error == 0 ? (const char*)name : "x");
    weft_mutex_unlock(&mutex);
    return 0;
}

static int wait_in_front_and_note(void* name) {
    CHECK_EQUAL(weft_queue_wait_in_front(&queue, NULL), 0);
    note((const char*)name);
    return 0;
}

static int wake_in_order(void* unused) {
    (void)unused;
    weft_scope* scope = weft_scope_new();
    CHECK(weft_queue_empty(&queue));
    weft_scope_spawn(scope, wait_and_note, (void*)"1");
    weft_scope_spawn(scope, wait_and_note, (void*)"2");
    weft_scope_spawn(scope, wait_in_front_and_note, (void*)"0");
    weft_task* cancelled = weft_spawn(wait_and_note, (void*)"3");
    weft_yield();
    weft_cancel(cancelled);
    CHECK_EQUAL(weft_join(cancelled, NULL), 0);
    CHECK_TEXT(notes, "x");
    CHECK(weft_queue_wake_one(&queue));
    weft_yield();
    CHECK_TEXT(notes, "x0");
    CHECK_EQUAL(weft_queue_wake_all(&queue), 2);
    CHECK_EQUAL(weft_scope_join(scope), 0);
    CHECK_TEXT(notes, "x012");
    CHECK(!weft_queue_wake_one(&queue));
    weft_scope_delete(scope);
    weft_queue_destroy(&queue);
    return 0;
}

LOOP_CASE(a_queue_wakes_in_order_and_gives_the_mutex_back_however_the_wait_ends) {
    CHECK_EQUAL(weft_run(wake_in_order, NULL), 0);
}

static int take_two(void* unused) {
    (void)unused;
    CHECK_EQUAL(weft_semaphore_acquire(&semaphore, 2), 0);
    note("2");
    weft_semaphore_release(&semaphore, 2);
    return 0;
}

static int take_and_give_back(void* unused) {
    weft_semaphore_init(&semaphore, 3);
    CHECK(weft_semaphore_try_acquire(&semaphore, 2));
    CHECK(!weft_semaphore_try_acquire(&semaphore, 2));
    weft_task* task = weft_spawn(take_two, unused);
    weft_yield();
    CHECK_TEXT(notes, "");
    weft_semaphore_release(&semaphore, 2);
    CHECK_EQUAL(weft_join(task, NULL), 0);
    CHECK_TEXT(notes, "2");
    CHECK_EQUAL(weft_semaphore_available(&semaphore), 3);
    weft_semaphore_destroy(&semaphore);
    return 0;
}

LOOP_CASE(a_semaphore_is_taken_and_given_back) {
    CHECK_EQUAL(weft_run(take_and_give_back, NULL), 0);
}

static int produce(void* channel) {
    for (intptr_t i = 1; i <= 10; ++i) {
        CHECK_EQUAL(weft_channel_send((weft_channel*)channel, (void*)i), 0);
    }
    weft_channel_close((weft_channel*)channel);
    CHECK_EQUAL(weft_channel_send((weft_channel*)channel, NULL), -EPIPE);
    return 0;
}

static int consume(void* channel) {
    weft_task* producer = weft_spawn(produce, channel);
    intptr_t sum = 0;
    void* value;
    int received;
    while ((received = weft_channel_receive((weft_channel*)channel, &value)) > 0) {
        sum += (intptr_t)value;
    }
    CHECK_EQUAL(received, 0);
    CHECK_EQUAL(sum, 55);
    CHECK_EQUAL(weft_join(producer, NULL), 0);
    return 0;
}

LOOP_CASE(a_channel_hands_over_until_it_is_closed_and_empty) {
    for (size_t capacity = 0; capacity < 3; ++capacity) {
        weft_channel* channel = weft_channel_new(capacity);
        CHECK_EQUAL(weft_run(consume, channel), 0);
        weft_channel_delete(channel);
    }
    weft_channel_delete(NULL);
}

CASE(a_channel_can_be_tried) {
    weft_channel* channel = weft_channel_new(1);
    void* value;
    CHECK_EQUAL(weft_channel_try_receive(channel, &value), -EAGAIN);
    CHECK_EQUAL(weft_channel_try_send(channel, &value), 0);
    CHECK_EQUAL(weft_channel_size(channel), 1);
    CHECK_EQUAL(weft_channel_try_send(channel, &value), -EAGAIN);
    weft_channel_close(channel);
    CHECK_EQUAL(weft_channel_try_send(channel, &value), -EPIPE);
    CHECK_EQUAL(weft_channel_try_receive(channel, &value), 1);
    CHECK(value == &value);
    CHECK_EQUAL(weft_channel_try_receive(channel, &value), 0);
    weft_channel_delete(channel);
}
