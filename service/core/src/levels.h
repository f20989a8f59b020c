/* levels.h - which kernels this build has and this machine can run. */
#ifndef PROSODY_LEVELS_H
#define PROSODY_LEVELS_H

#include "kernel.h"

/* The kernel of a level by name, or the best one for NULL; NULL when the build or the machine lacks it. */
const prosody_kernel *prosody_kernel_find(const char *level);

#endif
