#ifndef WINNOWTHREADS_H
#define WINNOWTHREADS_H

/// Sets the thread count for the process; 0 or less means one per available core.
void winnow_set_thread_count(int count);
int winnow_thread_count(void);

/// Gives the calling thread this OpenMP thread count; cheap if it has it already.
void winnow_apply_thread_count(int count);

/// Restarts the program, same process and arguments, with GOMP_SPINCOUNT and OPENBLAS_NUM_THREADS set where the user did not.
///
/// libgomp's idle threads spin for milliseconds after each use, OpenBLAS's also when it is loaded; both read the environment
/// while they are loaded. Returns if nothing is to do. `environment` may be NULL: the process's own. Uses no memory but the
/// stack, so that it can run before any library is initialized.
void winnow_restart_with_few_spins(char **arguments, char **environment);

#endif
