#ifndef CWINNOWKERNELS_H
#define CWINNOWKERNELS_H
#include <stddef.h>
#include <stdint.h>
#include "WinnowAttention.h"
#include "WinnowCodedProduct.h"
#include "WinnowElementary.h"
#include "WinnowExponential.h"
#include "WinnowPooling.h"
#include "WinnowQuantization.h"
#include "WinnowRounding.h"
#include "WinnowRows.h"
#include "WinnowSoftmax.h"
#include "WinnowSparseProduct.h"
#include "WinnowSquareRoot.h"
#include "WinnowStatistics.h"
#include "WinnowThreads.h"
#endif
