/* Of harness.h: a function that ends the program, in another process. Windows has no fork(), so the program is run again with
 * the same case and a number, and runs the case up to the call of dies() with that number:
 *
 *     test_c_qemu_core.exe C10_yielding_with_no_caller_ends_the_program --death=0
 */

#ifndef WEFT_TESTS_C_DEATH_WINDOWS_H
#define WEFT_TESTS_C_DEATH_WINDOWS_H

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

static const char *death_program, *death_case;
static int deaths_so_far;
static int death_to_die = -1; /* in the other process: which one */

/* The exit status of Microsoft's abort(). */
static const DWORD status_of_abort = 3;

/* Runs the command, and reads what it writes to stderr. Returns its exit status. */
static inline DWORD death_of(char* command, char* said, size_t size) {
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    HANDLE from, to;
    if (!CreatePipe(&from, &to, &inherited, 0) || !SetHandleInformation(from, HANDLE_FLAG_INHERIT, 0)) {
        exit(1);
    }
    STARTUPINFOA start;
    memset(&start, 0, sizeof start);
    start.cb = sizeof start;
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdError = start.hStdOutput = to;
    PROCESS_INFORMATION child;
    if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) {
        fprintf(stderr, "\"%s\" can't be run: error %lu\n", command, GetLastError());
        exit(1);
    }
    CloseHandle(to);
    size_t length = 0;
    for (DWORD n; ReadFile(from, said + length, (DWORD)(size - 1 - length), &n, NULL) && n > 0;) {
        length += n;
    }
    said[length] = '\0';
    CloseHandle(from);
    DWORD status = 0;
    WaitForSingleObject(child.hProcess, INFINITE);
    GetExitCodeProcess(child.hProcess, &status);
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
    return status;
}

/* Whether f() ends the program by abort(), and says `words` in that order before; `words` ends with NULL. */
static inline bool dies(void (*f)(void), const char* const* words) {
    int number = deaths_so_far++;
    if (number == death_to_die) {
        f();
        exit(0);
    }
    if (death_to_die >= 0) {
        return true; /* the case goes on to the one that is meant */
    }
    char command[1024], said[8192];
    snprintf(command, sizeof command, "\"%s\" %s --death=%d", death_program, death_case, number);
    DWORD status = death_of(command, said, sizeof said);
    bool as_expected = status == status_of_abort && says_in_order(said, words);
    if (!as_expected) {
        fprintf(stderr, "ended with status %lu, and said: %s", status, said);
    }
    return as_expected;
}

/* The arguments of main(), without those that the other process is given. */
static inline int death_begins(int argc, char** argv) {
    death_program = argv[0];
    death_case = argc > 1 ? argv[1] : NULL;
    if (argc == 3 && sscanf(argv[2], "--death=%d", &death_to_die) == 1) {
        return 2;
    }
    return argc;
}

#endif
