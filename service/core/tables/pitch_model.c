/* pitch_model.c - the weights of the pitch tracker; see pitch_model.h. */
#include "pitch_model.h"

#include "pitch_model.inc"
