/* A harness for tests in C. A file defines cases, and its program runs the one that it is told:
 *
 *     CASE(a_coroutine_ends) {
 *         CHECK(weft_done(co));
 *     }
 *
 * A LOOP_CASE stands on the loop, and is run on each of its reactors. tests/CMakeLists.txt finds both by these words at the
 * beginning of a line.
 */

#ifndef WEFT_TESTS_C_HARNESS_H
#define WEFT_TESTS_C_HARNESS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
    const char* name;
    void (*run)(void);
    struct test_case* next;
};
static struct test_case* all_cases;

#define CASE(case_name)                                                                                                \
    static void case_name(void);                                                                                       \
    static struct test_case case_name##_entry = {#case_name, case_name, NULL};                                         \
    __attribute__((constructor)) static void case_name##_register(void) {                                              \
        case_name##_entry.next = all_cases;                                                                            \
        all_cases = &case_name##_entry;                                                                                \
    }                                                                                                                  \
    static void case_name(void)
#define LOOP_CASE(case_name) CASE(case_name)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define CHECK_EQUAL(value, expected)                                                                                   \
    do {                                                                                                               \
        long long value_ = (long long)(value), expected_ = (long long)(expected);                                      \
        if (value_ != expected_) {                                                                                     \
            fprintf(stderr, "%s:%d: %s is %lld, and not %lld\n", __FILE__, __LINE__, #value, value_, expected_);       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#define CHECK_TEXT(value, expected)                                                                                    \
    do {                                                                                                               \
        const char* value_ = (value);                                                                                  \
        if (strcmp(value_, (expected)) != 0) {                                                                         \
            fprintf(stderr, "%s:%d: %s is \"%s\", and not \"%s\"\n", __FILE__, __LINE__, #value, value_, (expected));  \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* What the cases write down, in order: `note("a1")`. */
static char notes[512];
static inline void note(const char* what) {
    strncat(notes, what, sizeof notes - strlen(notes) - 1);
}

/* Whether `said` contains all words, one after the other; they end with NULL. */
static inline bool says_in_order(const char* said, const char* const* words) {
    for (; said != NULL && *words != NULL; ++words) {
        said = strstr(said, *words);
    }
    return said != NULL;
}

#if defined(_WIN32)
#include "c/death_windows.h"
#else
#include "c/death_linux.h"
#endif

#define CHECK_DIES(f, ...)                                                                                             \
    do {                                                                                                               \
        const char* const words_[] = {__VA_ARGS__, NULL};                                                              \
        CHECK(dies(f, words_));                                                                                        \
    } while (0)

int main(int argc, char** argv) {
    argc = death_begins(argc, argv);
    for (struct test_case* c = all_cases; c != NULL; c = c->next) {
        if (argc != 2) {
            puts(c->name);
        } else if (strcmp(c->name, argv[1]) == 0) {
            (void)note;
            (void)dies;
            c->run();
            return 0;
        }
    }
    return argc == 2 ? 2 : 0;
}

#endif
