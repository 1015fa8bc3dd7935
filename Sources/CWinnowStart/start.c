#include <WinnowThreads.h>

#if defined(__linux__)
// Runs when the libraries are loaded but not yet initialized: restarting here costs half of what it costs in `main`.
static void start(int count, char **arguments, char **environment) {
    (void)count;
    winnow_restart_with_few_spins(arguments, environment);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_initialization)(int, char **, char **) = start;
#endif
