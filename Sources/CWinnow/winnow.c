/* What the header declares is in Swift, in the target WinnowC. */
#include "winnow.h"

_Static_assert(sizeof(winnow_array) == 8 + 8 * WINNOW_MAX_RANK + sizeof(void *) + sizeof(size_t), "the layout of winnow_array is part of the interface");
