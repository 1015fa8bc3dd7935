#ifndef WINNOWTHREADS_H
#define WINNOWTHREADS_H

/// Sets the thread count for the process; 0 or less means one per available core.
void winnow_set_thread_count(int count);
int winnow_thread_count(void);

/// Gives the calling thread this OpenMP thread count; cheap if it has it already.
void winnow_apply_thread_count(int count);

/// Restarts the program, same process and arguments, with GOMP_SPINCOUNT set, unless the user chose how threads wait.
///
/// libgomp's idle threads spin for milliseconds before they sleep, which ruins every other process on the machine;
/// it reads its environment while it is loaded, before any code of the program runs. Returns if nothing is to do.
void winnow_restart_with_short_spins(char **arguments);

#endif
