/* levels.c - the ceiling's stages of every level in this build. */
#include "stages.h"

extern const level_stages ceiling_portable;
#ifdef PROSODY_X86_LEVELS
extern const level_stages ceiling_v2, ceiling_v3, ceiling_v4;
#endif
extern const level_stages *const ceiling_levels[];

const level_stages *const ceiling_levels[] = {
#ifdef PROSODY_X86_LEVELS
    &ceiling_v4, &ceiling_v3, &ceiling_v2,
#endif
    &ceiling_portable, NULL,
};
