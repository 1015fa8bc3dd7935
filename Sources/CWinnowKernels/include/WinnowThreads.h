#ifndef WINNOWTHREADS_H
#define WINNOWTHREADS_H

/// Sets the thread count for the process, cut to 256; 0 or less means one per core the process may use.
void winnow_set_thread_count(int count);
int winnow_thread_count(void);

/// The largest count that is used.
int winnow_thread_limit(void);

/// The count for what the calling thread asks oneDNN to do from now on.
void winnow_apply_thread_count(int count);

/// The cores that affinity and control groups leave to the process.
int winnow_available_cores(void);

#endif
