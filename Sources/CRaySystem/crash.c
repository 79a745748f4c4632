// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include "crash.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

// The reactor's thread writes what is gathered within 2 ms, if it gets a processor.
#define SETTLE_NANOSECONDS 50000000L

// What C code and Swift's traps crash with.
static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
#define CRASH_COUNT (sizeof crashes / sizeof *crashes)

static struct sigaction before[CRASH_COUNT];
static pid_t own_process;

// Only calls what a handler may: the thread may have crashed anywhere.
static void settle(int number, siginfo_t *info, void *context) {
    int saved = errno;
    for (size_t index = 0; index < CRASH_COUNT; index++) {
        if (crashes[index] == number) sigaction(number, &before[index], NULL);
    }
    if (getpid() == own_process) {
        struct timespec pause = {0, SETTLE_NANOSECONDS};
        nanosleep(&pause, NULL);
    }
    // Who was there before is to see the fault itself, with its address: the instruction faults again. What was sent, and a
    // breakpoint, which is behind its instruction already, is sent again; it is blocked until this returns.
    if (info->si_code <= 0 || number == SIGTRAP) raise(number);
    errno = saved;
}

void ray_settle_on_crash(void) {
    struct sigaction action = {0};
    action.sa_sigaction = settle;
    action.sa_flags = SA_ONSTACK | SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    own_process = getpid();
    for (size_t index = 0; index < CRASH_COUNT; index++) {
        if (sigaction(crashes[index], &action, &before[index]) < 0) before[index].sa_handler = SIG_DFL;
    }
}
