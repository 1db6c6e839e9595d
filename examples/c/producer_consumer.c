/* Two producers and a consumer, around a channel that holds three values: who is too fast waits for the other. */

#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

struct job {
    int producer, number;
};

struct producer {
    weft_channel* jobs;
    int number;
};

static int produce(void* argument) {
    const struct producer* self = argument;
    for (int i = 1; i <= 5; ++i) {
        struct job* job = malloc(sizeof *job);
        if (job == NULL) {
            return -1;
        }
        *job = (struct job){self->number, i};
        int error = weft_channel_send(self->jobs, job);
        if (error < 0) {
            free(job);
            return error;
        }
    }
    return 0;
}

static int consume(void* jobs) {
    void* received;
    int result;
    while ((result = weft_channel_receive(jobs, &received)) > 0) {
        struct job* job = received;
        printf("job %d of producer %d\n", job->number, job->producer);
        free(job);
    }
    return result;
}

static int produce_and_consume(void* jobs) {
    struct producer first = {jobs, 1}, second = {jobs, 2};
    weft_task* consumer = weft_spawn(consume, jobs);
    weft_scope* producers = weft_scope_new();
    if (consumer == NULL || producers == NULL) {
        return -1;
    }
    weft_scope_spawn(producers, produce, &first);
    weft_scope_spawn(producers, produce, &second);
    int result = weft_scope_join(producers);
    weft_scope_delete(producers);
    weft_channel_close(jobs);
    weft_join(consumer, NULL);
    return result;
}

int main(void) {
    weft_channel* jobs = weft_channel_new(3);
    int result = jobs == NULL ? -1 : weft_run(produce_and_consume, jobs);
    weft_channel_delete(jobs);
    return result < 0;
}
