#ifndef CALLOCATIONCOUNTER_H
#define CALLOCATIONCOUNTER_H

/// Starts counting the calling thread's allocations.
void winnow_count_allocations_begin(void);
/// Stops, and gives how many there were in code other than oneDNN and the OpenMP and C++ runtimes beneath it.
long winnow_count_allocations_end(void);

#endif
