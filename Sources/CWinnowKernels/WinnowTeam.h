#ifndef WINNOW_TEAM_H
#define WINNOW_TEAM_H

/// The threads that the calling thread's next parallel region has.
extern _Thread_local int winnow_team_size;

#endif
