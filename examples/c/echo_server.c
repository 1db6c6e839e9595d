/* Sends back what it gets, to any number of clients, in one thread:
 *
 *     echo_server [PORT]        without PORT: one that is free
 */

#include <stdio.h>
#include <string.h>
#include <weft/weft.h>

static int serve(void* client) {
    char buffer[4096];
    ssize_t n;
    while ((n = weft_stream_read(client, buffer, sizeof buffer)) > 0 &&
           weft_stream_write_all(client, buffer, (size_t)n) >= 0) {
    }
    weft_stream_close(client);
    return 0;
}

static int server(void* port) {
    weft_listener* listener;
    int error = weft_listen(&listener, "127.0.0.1", port);
    if (error < 0) {
        return error;
    }
    printf("listening on port %d\n", weft_listener_port(listener));
    fflush(stdout);
    weft_stream* client;
    while ((error = weft_accept(listener, &client)) >= 0) {
        weft_task* task = weft_spawn(serve, client);
        if (task == NULL) {
            weft_stream_close(client);
        }
        weft_detach(task);
    }
    weft_listener_close(listener);
    return error;
}

int main(int argc, char** argv) {
    int error = weft_run(server, argc > 1 ? argv[1] : "0");
    fprintf(stderr, "echo_server: %s\n", strerror(-error));
    return 1;
}
