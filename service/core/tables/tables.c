/* tables.c - see generate.py. */
#include "tables.h"

#include "tables.inc"
