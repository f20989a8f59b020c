/* egemaps_tables.c - see generate_egemaps.py. */
#include "egemaps_tables.h"

#include "egemaps_tables.inc"
