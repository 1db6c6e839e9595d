/* What QEMU's coroutines promise, case by case: waiting for time and for descriptors. */

#define _GNU_SOURCE
#include "qemu/osdep.h"

#include "block/aio.h"
#include "qemu/coroutine.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <weft/weft.h>

#include "c/qemu_harness.h"

/* ---- Time ------------------------------------------------------------------------------------------------------------- */

static void sleep_a_while(void* done) {
    int64_t before = weft_now();
    qemu_co_sleep_ns(QEMU_CLOCK_REALTIME, 2 * WEFT_MILLISECOND);
    CHECK(weft_now() - before >= 2 * WEFT_MILLISECOND);
    *(bool*)done = true;
}

LOOP_CASE(T1_a_sleep_lasts_at_least_as_long) {
    bool done = false;
    start(sleep_a_while, &done);
    CHECK(!done);
    poll_until(&done);
    all_have_ended();
}

static QemuCoSleep sleeper;

static void sleep_until_woken(void* done) {
    qemu_co_sleep_ns_wakeable(&sleeper, QEMU_CLOCK_VIRTUAL, 3600 * WEFT_SECOND);
    *(bool*)done = true;
}

static void sleep_shortly_but_be_woken(void* done) {
    qemu_co_sleep_ns_wakeable(&sleeper, QEMU_CLOCK_REALTIME, WEFT_MILLISECOND);
    *(bool*)done = true;
}

LOOP_CASE(T1_a_wake_up_ends_the_sleep_and_the_timer_is_gone) {
    bool done = false;
    qemu_co_sleep_wake(&sleeper); /* nobody sleeps: nothing */
    start(sleep_until_woken, &done);
    CHECK(!done && sleeper.to_wake != NULL);
    qemu_co_sleep_wake(&sleeper);
    CHECK(done && sleeper.to_wake == NULL);
    qemu_co_sleep_wake(&sleeper);

    /* A timer that was left would lie on a stack that is gone, and fire while another sleeps longer. */
    done = false;
    start(sleep_shortly_but_be_woken, &done);
    qemu_co_sleep_wake(&sleeper);
    CHECK(done);
    done = false;
    start(sleep_until_woken, &done);
    bool slept = false;
    start(sleep_a_while, &slept);
    poll_until(&slept);
    CHECK(!done);
    qemu_co_sleep_wake(&sleeper);
    CHECK(done);
    all_have_ended();
}

static void sleep_without_end(void* done) {
    qemu_co_sleep(&sleeper);
    *(bool*)done = true;
}

LOOP_CASE(T1_a_sleep_without_end_is_woken) {
    bool done = false;
    start(sleep_without_end, &done);
    qemu_co_sleep_wake(&sleeper);
    CHECK(done);
    all_have_ended();
}

struct timed {
    QemuCoSleep sleep;
    bool started, ended, cleaned, returned;
    int result;
    uint64_t timeout;
};

static void be_slow(void* opaque) {
    struct timed* t = (struct timed*)opaque;
    t->started = true;
    qemu_co_sleep(&t->sleep);
    t->ended = true;
}

static void clean_up(void* opaque) {
    struct timed* t = (struct timed*)opaque;
    CHECK(t->ended);
    t->cleaned = true;
}

static void run_with_a_timeout(void* opaque) {
    struct timed* t = (struct timed*)opaque;
    t->result = qemu_co_timeout(be_slow, t, t->timeout, clean_up);
    t->returned = true;
}

LOOP_CASE(T2_in_time_it_returns_0_and_does_not_clean) {
    struct timed t = {.timeout = 3600 * (uint64_t)WEFT_SECOND};
    start(run_with_a_timeout, &t);
    CHECK(t.started && !t.returned);
    qemu_co_sleep_wake(&t.sleep);
    CHECK(t.returned && t.ended && !t.cleaned);
    CHECK_EQUAL(t.result, 0);
    all_have_ended();
}

LOOP_CASE(T2_too_late_it_returns_and_cleans_when_the_other_has_ended) {
    struct timed t = {.timeout = (uint64_t)WEFT_MILLISECOND};
    start(run_with_a_timeout, &t);
    poll_until(&t.returned);
    CHECK_EQUAL(t.result, -ETIMEDOUT);
    CHECK(!t.ended && !t.cleaned);
    qemu_co_sleep_wake(&t.sleep);
    CHECK(t.ended && t.cleaned);
    all_have_ended();
}

LOOP_CASE(T2_no_limit_is_a_plain_call) {
    struct timed t = {.timeout = 0};
    start(run_with_a_timeout, &t);
    qemu_co_sleep_wake(&t.sleep);
    CHECK(t.returned && !t.cleaned);
    CHECK_EQUAL(t.result, 0);
    all_have_ended();
}

/* ---- Descriptors ------------------------------------------------------------------------------------------------------ */

enum { large = 1 << 20 }; /* more than a socket's buffer takes */

struct transfer {
    int fd;
    char* bytes;
    ssize_t result;
    bool done;
};

static void send_in_two_pieces(void* opaque) {
    struct transfer* t = (struct transfer*)opaque;
    /* from byte 3 on: the first piece in part */
    struct iovec pieces[] = {{t->bytes - 3, large / 2 + 3}, {t->bytes + large / 2, large / 2}};
    t->result = qemu_co_sendv(t->fd, pieces, 2, 3, large);
    t->done = true;
}

static void receive_all(void* opaque) {
    struct transfer* t = (struct transfer*)opaque;
    t->result = qemu_co_recv(t->fd, t->bytes, large);
    t->done = true;
}

LOOP_CASE(T3_what_does_not_fit_at_once_is_sent_and_received_in_turn) {
    int ends[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    char* memory = malloc(large + 3);
    struct transfer out = {.fd = ends[0], .bytes = memory + 3}, in = {.fd = ends[1], .bytes = malloc(large)};
    for (int i = 0; i < large; ++i) {
        out.bytes[i] = (char)(i * 31);
    }
    start(send_in_two_pieces, &out);
    CHECK(!out.done);
    start(receive_all, &in);
    poll_until(&in.done);
    poll_until(&out.done);
    CHECK_EQUAL(out.result, large);
    CHECK_EQUAL(in.result, large);
    CHECK(memcmp(in.bytes, out.bytes, large) == 0);
    close(ends[0]);
    close(ends[1]);
    free(memory);
    free(in.bytes);
    all_have_ended();
}

LOOP_CASE(T3_the_end_of_the_stream_gives_a_short_count_and_errors_come_as_errno) {
    int ends[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct transfer in = {.fd = ends[1], .bytes = malloc(large)};
    start(receive_all, &in);
    CHECK(!in.done);
    CHECK_EQUAL(write(ends[0], "abc", 3), 3);
    close(ends[0]);
    poll_until(&in.done);
    CHECK_EQUAL(in.result, 3);

    char* memory = calloc(1, large + 3);
    struct transfer out = {.fd = ends[1], .bytes = memory + 3};
    start(send_in_two_pieces, &out); /* nobody is there any more; and no SIGPIPE */
    CHECK(out.done);
    CHECK_EQUAL(out.result, -EPIPE);
    close(ends[1]);
    free(memory);
    free(in.bytes);
    all_have_ended();
}

static void wait_readable(void* opaque) {
    struct transfer* t = (struct transfer*)opaque;
    yield_until_fd_readable(t->fd);
    char byte = 0;
    t->result = read(t->fd, &byte, 1);
    t->done = true;
}

LOOP_CASE(T4_a_coroutine_waits_until_a_descriptor_is_readable) {
    int ends[2];
    CHECK_EQUAL(pipe2(ends, O_NONBLOCK), 0);
    struct transfer t = {.fd = ends[0]};
    start(wait_readable, &t);
    while (aio_poll(qemu_get_current_aio_context(), false)) {
    }
    CHECK(!t.done);
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    poll_until(&t.done);
    CHECK_EQUAL(t.result, 1);
    close(ends[0]);
    close(ends[1]);
    all_have_ended();
}
