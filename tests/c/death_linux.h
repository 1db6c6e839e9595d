/* Of harness.h: a function that ends the program, in a child process. */

#ifndef WEFT_TESTS_C_DEATH_LINUX_H
#define WEFT_TESTS_C_DEATH_LINUX_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether f() ends the program by abort(), and says `words` in that order before; `words` ends with NULL. In a process of its
 * own; the caller must not have used a loop. */
static inline bool dies(void (*f)(void), const char* const* words) {
    int ends[2];
    if (pipe(ends) != 0) {
        exit(1);
    }
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(ends[1], STDERR_FILENO);
        f();
        _exit(0);
    }
    close(ends[1]);
    char said[8192];
    size_t length = 0;
    for (ssize_t n; (n = read(ends[0], said + length, sizeof said - 1 - length)) > 0;) {
        length += (size_t)n;
    }
    said[length] = '\0';
    close(ends[0]);
    int status;
    waitpid(child, &status, 0);
    bool as_expected = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && says_in_order(said, words);
    if (!as_expected) {
        fprintf(stderr, "ended with status %#x, and said: %s", (unsigned)status, said);
    }
    return as_expected;
}

/* The arguments of main(), without those that a child process is given. */
static inline int death_begins(int argc, char** argv) {
    (void)argv;
    return argc;
}

#endif
