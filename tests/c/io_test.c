/* Descriptors, sockets and files of weft.h. */

#define _GNU_SOURCE
#include <weft/weft.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "c/harness.h"

enum { large = 1 << 20 };

static int send_back(void* stream) {
    char buffer[4096];
    ssize_t n;
    while ((n = weft_stream_read(stream, buffer, sizeof buffer)) > 0 &&
           weft_stream_write_all(stream, buffer, (size_t)n) >= 0) {
    }
    weft_stream_close(stream);
    return (int)n;
}

static int serve_one(void* listener) {
    weft_stream* client;
    int error = weft_accept(listener, &client);
    return error < 0 ? error : send_back(client);
}

struct transfer {
    weft_stream* stream;
    char* bytes;
};

static int write_large(void* opaque) {
    struct transfer* t = (struct transfer*)opaque;
    struct iovec pieces[] = {{t->bytes, large / 4}, {t->bytes + large / 4, large - large / 4}};
    CHECK_EQUAL(weft_stream_writev_all(t->stream, pieces, 2), large);
    return 0;
}

static void echo_over(weft_stream* stream) {
    char* sent = malloc(large);
    char* received = malloc(large);
    for (int i = 0; i < large; ++i) {
        sent[i] = (char)(i * 31);
    }
    struct transfer out = {stream, sent};
    weft_task* writer = weft_spawn(write_large, &out);
    CHECK_EQUAL(weft_stream_read_exact(stream, received, large), large);
    CHECK_EQUAL(weft_join(writer, NULL), 0);
    CHECK(memcmp(sent, received, large) == 0);
    free(sent);
    free(received);
}

static int echo_over_tcp(void* unused) {
    (void)unused;
    weft_listener* listener;
    CHECK_EQUAL(weft_listen(&listener, "127.0.0.1", "0"), 0);
    weft_task* server = weft_spawn(serve_one, listener);
    char port[16];
    snprintf(port, sizeof port, "%d", weft_listener_port(listener));
    weft_stream* stream;
    CHECK_EQUAL(weft_connect(&stream, "127.0.0.1", port), 0);
    CHECK_EQUAL(weft_stream_set_no_delay(stream, true), 0);
    CHECK(weft_stream_fd(stream) >= 0);
    echo_over(stream);
    weft_stream_close(stream);
    int result = -1;
    CHECK_EQUAL(weft_join(server, &result), 0);
    CHECK_EQUAL(result, 0);
    weft_listener_close(listener);
    CHECK_EQUAL(weft_connect(&stream, "127.0.0.1", port), -ECONNREFUSED);
    CHECK(stream == NULL);
    return 0;
}

LOOP_CASE(a_server_sends_back_what_it_gets_over_tcp) {
    CHECK_EQUAL(weft_run(echo_over_tcp, NULL), 0);
}

static int echo_over_unix(void* path) {
    weft_listener* listener;
    CHECK_EQUAL(weft_listen_unix(&listener, path), 0);
    CHECK_EQUAL(weft_listener_port(listener), 0);
    weft_task* server = weft_spawn(serve_one, listener);
    weft_stream* stream;
    CHECK_EQUAL(weft_connect_unix(&stream, path), 0);
    echo_over(stream);
    weft_stream_shutdown(stream);
    weft_stream_close(stream);
    CHECK_EQUAL(weft_join(server, NULL), 0);
    weft_listener_close(listener);
    CHECK_EQUAL(weft_connect_unix(&stream, path), -ENOENT);
    return 0;
}

static char folder[] = "/tmp/weft-c-XXXXXX";

static const char* path_of(const char* name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

LOOP_CASE(a_server_sends_back_what_it_gets_over_a_unix_socket) {
    CHECK(mkdtemp(folder) != NULL);
    CHECK_EQUAL(weft_run(echo_over_unix, (void*)path_of("socket")), 0);
    rmdir(folder);
}

LOOP_CASE(outside_coroutines_calls_run_the_loop) {
    weft_stream* ends[2];
    CHECK_EQUAL(weft_stream_pair(ends), 0);
    weft_task* echo = weft_spawn(send_back, ends[0]);
    char buffer[6] = "";
    CHECK_EQUAL(weft_stream_write_all(ends[1], "hello", 5), 5);
    CHECK_EQUAL(weft_stream_read_exact(ends[1], buffer, 5), 5);
    CHECK_TEXT(buffer, "hello");
    weft_limit limit;
    weft_limit_begin(&limit, WEFT_MILLISECOND);
    CHECK_EQUAL(weft_stream_read(ends[1], buffer, 5), -ETIMEDOUT);
    weft_limit_end(&limit);
    weft_stream_close(ends[1]);
    CHECK_EQUAL(weft_join(echo, NULL), 0);
}

LOOP_CASE(a_socket_is_taken_over_and_a_name_that_there_is_not_is_told) {
    int ends[2];
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    weft_stream* stream;
    CHECK_EQUAL(weft_stream_adopt(&stream, ends[0]), 0);
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    char byte;
    CHECK_EQUAL(weft_stream_read(stream, &byte, 1), 1);
    weft_stream_close(stream);
    weft_stream_close(NULL);
    close(ends[1]);
    CHECK(weft_connect(&stream, "no.such.host.invalid", "1") < 0);
    CHECK(stream == NULL);
}

static int wait_for_a_pipe(void* opaque) {
    int* ends = (int*)opaque;
    CHECK_EQUAL(weft_wait_writable(ends[1]), 0);
    weft_limit limit;
    weft_limit_begin(&limit, WEFT_MILLISECOND);
    CHECK_EQUAL(weft_wait_readable(ends[0]), -ETIMEDOUT);
    weft_limit_end(&limit);
    CHECK_EQUAL(write(ends[1], "x", 1), 1);
    CHECK_EQUAL(weft_wait_readable(ends[0]), 0);
    return 0;
}

LOOP_CASE(any_descriptor_can_be_waited_for) {
    int ends[2];
    CHECK_EQUAL(pipe(ends), 0);
    CHECK_EQUAL(weft_run(wait_for_a_pipe, ends), 0);
    close(ends[0]);
    close(ends[1]);
}

static int write_and_read(void* path) {
    weft_file* file;
    char buffer[16] = "";
    CHECK_EQUAL(weft_file_open(&file, path, WEFT_FILE_READ), -ENOENT);
    CHECK_EQUAL(weft_file_open(&file, path, WEFT_FILE_CREATE), 0);
    CHECK_EQUAL(weft_file_write_all_at(file, "hello", 5, 3, false), 5);
    CHECK_EQUAL(weft_file_write_all_at(file, "H", 1, 3, true), 1);
    CHECK_EQUAL(weft_file_size(file), 8);
    CHECK_EQUAL(weft_file_read_at(file, buffer, 16, 3), 5);
    CHECK_TEXT(buffer, "Hello");
    CHECK_EQUAL(weft_file_sync(file), 0);
    CHECK_EQUAL(weft_file_sync_data(file), 0);
    CHECK_EQUAL(weft_file_resize(file, 4096), 0);
    CHECK_EQUAL(weft_file_size(file), 4096);
    int error = weft_file_allocate(file, 0, 8192);
    CHECK(error == 0 || error == -EOPNOTSUPP);
    CHECK(weft_file_fd(file) >= 0);
    weft_file_close(file);
    CHECK_EQUAL(weft_file_open(&file, path, WEFT_FILE_READ), 0);
    CHECK_EQUAL(weft_file_write_all_at(file, "x", 1, 0, false), -EBADF);
    weft_file_close(file);
    weft_file_close(NULL);
    return 0;
}

LOOP_CASE(a_file_is_written_and_read_at_positions) {
    CHECK(mkdtemp(folder) != NULL);
    const char* path = path_of("file");
    CHECK_EQUAL(weft_run(write_and_read, (void*)path), 0);
    unlink(path);
    rmdir(folder);
}
