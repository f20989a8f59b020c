/* periods.h - placeholder until the kernels land */
#ifndef PROSODY_PERIODS_H
#define PROSODY_PERIODS_H
#include <stdint.h>
typedef struct period_chain {
    int64_t mark;
} period_chain;
#endif
