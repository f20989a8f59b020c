/* periods.h - where the chain of glottal periods of one stream stands. See kernels/periods.c. */
#ifndef PROSODY_PERIODS_H
#define PROSODY_PERIODS_H

#include <stdint.h>

/* All zeros before the first row. */
typedef struct period_chain {
    int64_t mark;  /* stream position where the next period begins */
    double length; /* of the period before, samples; 0 if there is none */
    double gain;   /* from it to what follows */
    float match;   /* its correlation with what follows */
} period_chain;

#endif
