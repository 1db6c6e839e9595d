/* Tasks, limits, the loop and time of weft.h. */

#define _GNU_SOURCE
#include <weft/weft.h>

#include <errno.h>
#include <pthread.h>

#include "c/harness.h"

static int add_up_while_others_run(void* unused) {
    (void)unused;
    int sum = 0;
    for (int i = 1; i <= 10; ++i) {
        sum += i;
        weft_yield();
    }
    return sum;
}

static int join_two(void* unused) {
    weft_task* first = weft_spawn(add_up_while_others_run, unused);
    weft_task* second = weft_spawn_with(&(weft_options){.name = "second"}, add_up_while_others_run, unused);
    int a = 0, b = 0;
    CHECK(!weft_task_done(first));
    CHECK_EQUAL(weft_join(first, &a), 0);
    CHECK_EQUAL(weft_join(second, &b), 0);
    return a + b;
}

LOOP_CASE(run_returns_what_its_body_does_and_join_what_a_task_does) {
    CHECK_EQUAL(weft_run(join_two, NULL), 110);
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static int sleep_until_cancelled(void* unused) {
    (void)unused;
    return weft_sleep(3600 * WEFT_SECOND);
}

static int cancel_a_sleeper(void* unused) {
    weft_task* task = weft_spawn(sleep_until_cancelled, unused);
    weft_yield();
    weft_cancel(task);
    int result = 0;
    CHECK_EQUAL(weft_join(task, &result), 0);
    return result;
}

LOOP_CASE(a_cancelled_task_has_its_wait_ended) {
    CHECK_EQUAL(weft_run(cancel_a_sleeper, NULL), -ECANCELED);
}

static int clean_up_when_cancelled(void* cleaned) {
    CHECK_EQUAL(weft_sleep(3600 * WEFT_SECOND), -ECANCELED);
    CHECK(weft_stop_requested());
    weft_shield_begin();
    CHECK(!weft_stop_requested());
    *(bool*)cleaned = weft_sleep(WEFT_MILLISECOND / 10) == 0;
    weft_shield_end();
    return 0;
}

static int leave_a_task_behind(void* cleaned) {
    weft_detach(weft_spawn(clean_up_when_cancelled, cleaned));
    weft_yield();
    return 7;
}

LOOP_CASE(tasks_that_are_left_are_cancelled_and_waited_for_and_may_clean_up) {
    bool cleaned = false;
    CHECK_EQUAL(weft_run(leave_a_task_behind, &cleaned), 7);
    CHECK(cleaned);
}

static int join_within_a_limit(void* unused) {
    weft_task* task = weft_spawn(sleep_until_cancelled, unused);
    weft_limit outer, inner;
    int result = 0;
    weft_limit_begin(&outer, 3600 * WEFT_SECOND);
    weft_limit_begin(&inner, WEFT_MILLISECOND);
    CHECK_EQUAL(weft_join(task, &result), -ETIMEDOUT);
    CHECK_EQUAL(weft_sleep(0), -ETIMEDOUT);
    CHECK(weft_limit_end(&inner));
    CHECK_EQUAL(weft_sleep(0), 0);
    CHECK(!weft_limit_end(&outer));
    weft_cancel(task);
    CHECK_EQUAL(weft_join(task, NULL), 0);
    return 0;
}

LOOP_CASE(limits_nest_and_a_join_that_was_ended_can_be_done_again) {
    CHECK_EQUAL(weft_run(join_within_a_limit, NULL), 0);
}

static int fail(void* result) {
    weft_yield();
    return *(int*)result;
}

static int join_a_scope(void* unused) {
    int failure = -EIO, success = 3;
    weft_scope* scope = weft_scope_new();
    CHECK_EQUAL(weft_scope_spawn(scope, sleep_until_cancelled, unused), 0);
    CHECK_EQUAL(weft_scope_spawn(scope, fail, &failure), 0);
    CHECK_EQUAL(weft_scope_size(scope), 2);
    CHECK_EQUAL(weft_scope_join(scope), -EIO); /* the other was cancelled */
    CHECK_EQUAL(weft_scope_size(scope), 0);
    CHECK_EQUAL(weft_scope_spawn(scope, fail, &success), 0);
    CHECK_EQUAL(weft_scope_join(scope), 0);
    CHECK_EQUAL(weft_scope_spawn(scope, sleep_until_cancelled, unused), 0);
    weft_scope_cancel(scope);
    CHECK_EQUAL(weft_scope_join(scope), 0);
    CHECK_EQUAL(weft_scope_spawn(scope, sleep_until_cancelled, unused), 0);
    weft_scope_delete(scope);
    weft_scope_delete(NULL);
    return 0;
}

LOOP_CASE(a_scope_leaves_none_behind_and_a_failure_cancels_the_others) {
    CHECK_EQUAL(weft_run(join_a_scope, NULL), 0);
    CHECK_EQUAL(weft_coroutine_count(), 0);
}

static void set(void* flag) {
    CHECK(!weft_in_coroutine());
    *(bool*)flag = true;
}

struct errand {
    weft_loop* loop;
    bool done;
};

static void* post_from_a_thread(void* opaque) {
    struct errand* e = (struct errand*)opaque;
    CHECK_EQUAL(weft_post(e->loop, set, &e->done), 0);
    return NULL;
}

LOOP_CASE(a_call_is_posted_from_any_thread) {
    struct errand e = {weft_current_loop(), false};
    CHECK_TEXT(weft_reactor_name(e.loop), getenv("WEFT_REACTOR"));
    pthread_t thread;
    pthread_create(&thread, NULL, post_from_a_thread, &e);
    weft_run_until(&e.done);
    pthread_join(thread, NULL);
    e.done = false;
    CHECK_EQUAL(weft_post(e.loop, set, &e.done), 0);
    weft_run_once(false);
    CHECK(e.done);
}

static weft_loop* volatile other_loop;
static bool other_stop;

static void* run_a_loop(void* unused) {
    __atomic_store_n(&other_loop, weft_current_loop(), __ATOMIC_RELEASE);
    weft_run_until(&other_stop);
    return unused;
}

static int move_there_and_back(void* home) {
    CHECK_EQUAL(weft_move_to(other_loop), 0);
    CHECK(weft_current_loop() == other_loop); /* pthread_self() might be that of before: compilers keep it */
    CHECK_EQUAL(weft_move_to((weft_loop*)home), 0);
    CHECK(weft_current_loop() == home);
    return 0;
}

static void stop_there(void* stop) {
    *(bool*)stop = true;
}

LOOP_CASE(a_task_moves_to_another_loop_and_back) {
    pthread_t thread;
    pthread_create(&thread, NULL, run_a_loop, NULL);
    while (__atomic_load_n(&other_loop, __ATOMIC_ACQUIRE) == NULL) {
    }
    CHECK_EQUAL(weft_run(move_there_and_back, weft_current_loop()), 0);
    weft_post(other_loop, stop_there, &other_stop);
    pthread_join(thread, NULL);
}

static void note_the_thread(void* thread) {
    CHECK(!weft_in_coroutine());
    *(pthread_t*)thread = pthread_self();
}

static int offload_one(void* unused) {
    (void)unused;
    pthread_t thread = pthread_self();
    CHECK_EQUAL(weft_offload(note_the_thread, &thread), 0);
    CHECK(!pthread_equal(thread, pthread_self()));
    return 0;
}

LOOP_CASE(a_blocking_call_runs_on_a_thread_of_its_own) {
    CHECK_EQUAL(weft_run(offload_one, NULL), 0);
    CHECK_EQUAL(offload_one(NULL), 0);
}

static int wait_until_the_ends_of_time(void* unused) {
    (void)unused;
    CHECK_EQUAL(weft_sleep(INT64_MIN), 0);
    CHECK_EQUAL(weft_sleep_until(INT64_MIN), 0);
    weft_limit limit;
    weft_limit_begin(&limit, INT64_MIN);
    CHECK_EQUAL(weft_sleep(INT64_MAX), -ETIMEDOUT);
    CHECK(weft_limit_end(&limit));
    weft_limit_begin(&limit, WEFT_MILLISECOND);
    CHECK_EQUAL(weft_sleep(INT64_MAX), -ETIMEDOUT);
    CHECK_EQUAL(weft_sleep_until(INT64_MAX), -ETIMEDOUT);
    CHECK(weft_limit_end(&limit));
    weft_limit_begin(&limit, INT64_MAX);
    CHECK_EQUAL(weft_sleep(1), 0);
    CHECK(!weft_limit_end(&limit));
    return 0;
}

LOOP_CASE(the_past_is_over_and_what_is_too_far_away_never_comes) {
    CHECK_EQUAL(weft_run(wait_until_the_ends_of_time, NULL), 0);
    CHECK_EQUAL(wait_until_the_ends_of_time(NULL), 0);
}

LOOP_CASE(a_sleep_lasts_at_least_as_long) {
    int64_t before = weft_now();
    CHECK_EQUAL(weft_sleep(WEFT_MILLISECOND), 0);
    CHECK(weft_now() - before >= WEFT_MILLISECOND);
    CHECK_EQUAL(weft_sleep_until(before + 3 * WEFT_MILLISECOND), 0);
    CHECK(weft_now() - before >= 3 * WEFT_MILLISECOND);
}

static void keep(weft_coroutine* self, void* kept) {
    __atomic_store_n((weft_coroutine**)kept, self, __ATOMIC_RELEASE);
}

static void* wake_from_a_thread(void* kept) {
    weft_coroutine* co;
    while ((co = __atomic_load_n((weft_coroutine**)kept, __ATOMIC_ACQUIRE)) == NULL) {
    }
    weft_wake(co);
    return NULL;
}

static int wait_for_the_thread(void* kept) {
    weft_suspend(keep, kept);
    return 5;
}

LOOP_CASE(another_thread_wakes_a_task) {
    weft_coroutine* kept = NULL;
    pthread_t thread;
    pthread_create(&thread, NULL, wake_from_a_thread, &kept);
    CHECK_EQUAL(weft_run(wait_for_the_thread, &kept), 5);
    pthread_join(thread, NULL);
}

static int destroy_oneself(void* unused) {
    (void)unused;
    weft_destroy(weft_self());
    return 0;
}

static void destroy_a_task(void) {
    weft_run(destroy_oneself, NULL);
}

static int run_inside(void* unused) {
    return weft_run(run_inside, unused);
}

static void run_inside_a_coroutine(void) {
    weft_run(run_inside, NULL);
}

static int wake_a_sleeper(void* unused) {
    (void)unused;
    weft_wake(weft_self());
    return 0;
}

static void wake_one_that_runs(void) {
    weft_run(wake_a_sleeper, NULL);
}

CASE(misuse_of_tasks_is_reported) {
    CHECK_DIES(destroy_a_task, "task_test.c:", "weft_destroy() of coroutine \"main\"", "belongs to a loop");
    CHECK_DIES(run_inside_a_coroutine, "task_test.c:", "called inside a coroutine");
    CHECK_DIES(wake_one_that_runs, "task_test.c:", "does not wait in weft_suspend()");
}
