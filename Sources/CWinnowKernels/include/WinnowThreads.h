#ifndef WINNOWTHREADS_H
#define WINNOWTHREADS_H

/// Sets the thread count for the process; 0 or less means one per available core.
void winnow_set_thread_count(int count);
int winnow_thread_count(void);

/// Gives the calling thread this OpenMP thread count; cheap if it has it already.
void winnow_apply_thread_count(int count);

#endif
