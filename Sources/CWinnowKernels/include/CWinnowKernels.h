#ifndef CWINNOWKERNELS_H
#define CWINNOWKERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "WinnowPooling.h"
#include "WinnowQuantization.h"
#include "WinnowSquareRoot.h"
#include "WinnowThreads.h"
#endif
