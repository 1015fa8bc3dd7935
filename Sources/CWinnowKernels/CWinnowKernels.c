#include "CWinnowKernels.h"
