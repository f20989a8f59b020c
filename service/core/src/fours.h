/* fours.h - vectors of four floats for code that is compiled once: every processor that runs this has such registers, or its compiler does without. */
#ifndef PROSODY_FOURS_H
#define PROSODY_FOURS_H

#include <stdint.h>

typedef float four __attribute__((vector_size(16)));
typedef int32_t four_i __attribute__((vector_size(16)));
typedef float four_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

#define FOURS(count) (((count) + 3) / 4)

static inline four four_splat(float x) {
    return x - (four){0};
}

/* mask ? a : b, mask all ones or all zeros per lane. */
static inline four four_choose(four_i mask, four a, four b) {
    return (four)((mask & (four_i)a) | (~mask & (four_i)b));
}

#endif
