/* candidates.c - see candidates.h. */
#include "candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prosody.h"

#define ID 0x0a /* field number times 8, and the wire type */
#define OPEN_CALLS 0x10
#define IDLE_S 0x19
#define OCCUPANCY 0x21
#define ONE_BYTE 0x7f /* the largest varint in one byte */

/* A table of places: an empty slot has 0, the others 1 + the number of a name. */
struct candidate_names {
    uint8_t *ids;
    size_t *offsets;
    uint32_t *slots;
    size_t mask;
};

/* FNV-1a of 64 bits (Fowler, Noll & Vo); names are declared by the operator, so nobody gains by making them collide. */
static size_t hash(const uint8_t *id, size_t bytes) {
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ id[i]) * 0x100000001b3u;
    return (size_t)(h ^ (h >> 32));
}

static uint32_t *slot_of(const candidate_names *names, const uint8_t *id, size_t bytes) {
    for (size_t at = hash(id, bytes);; at++) {
        uint32_t *slot = names->slots + (at & names->mask);
        if (*slot == 0)
            return slot;
        const size_t *offsets = names->offsets + *slot - 1;
        if (offsets[1] - offsets[0] == bytes && memcmp(names->ids + offsets[0], id, bytes) == 0)
            return slot;
    }
}

int candidate_names_create(const uint8_t *ids, const size_t *offsets, size_t count, candidate_names **out) {
    *out = NULL;
    if (count >= UINT32_MAX / 4)
        return PROSODY_ERR_ARGUMENT;
    size_t slots = 4;
    while (slots < 2 * count)
        slots *= 2;
    candidate_names *names = calloc(1, sizeof *names);
    if (names == NULL)
        return PROSODY_ERR_MEMORY;
    names->ids = malloc(offsets[count] + 1);
    names->offsets = malloc((count + 1) * sizeof *offsets);
    names->slots = calloc(slots, sizeof *names->slots);
    names->mask = slots - 1;
    if (names->ids == NULL || names->offsets == NULL || names->slots == NULL) {
        candidate_names_destroy(names);
        return PROSODY_ERR_MEMORY;
    }
    if (offsets[count] > 0)
        memcpy(names->ids, ids, offsets[count]);
    memcpy(names->offsets, offsets, (count + 1) * sizeof *offsets);
    for (size_t i = 0; i < count; i++)
        *slot_of(names, ids + offsets[i], offsets[i + 1] - offsets[i]) = (uint32_t)i + 1;
    *out = names;
    return PROSODY_OK;
}

void candidate_names_destroy(candidate_names *names) {
    if (names == NULL)
        return;
    free(names->ids);
    free(names->offsets);
    free(names->slots);
    free(names);
}

/* Takes a field of eight little-endian bytes; 0 where there is none. */
static int take_double(const uint8_t **at, const uint8_t *end, uint8_t tag, double *out) {
    if (end - *at < 9 || **at != tag)
        return 0;
    uint64_t bits = 0;
    for (int i = 8; i > 0; i--)
        bits = bits << 8 | (*at)[i];
    memcpy(out, &bits, sizeof bits);
    *at += 9;
    return 1;
}

int candidate_read(const candidate_names *names, const uint8_t *message, size_t bytes, candidate *out) {
    const uint8_t *at = message, *end = message + bytes;
    *out = (candidate){.occupancy = (double)NAN};
    if (bytes < 2 || at[0] != ID || at[1] > ONE_BYTE || at[1] > bytes - 2)
        return 0;
    const uint32_t slot = *slot_of(names, at + 2, at[1]);
    if (slot == 0)
        return 0;
    out->at = (int64_t)slot - 1;
    at += 2 + at[1];
    if (end - at >= 2 && at[0] == OPEN_CALLS && at[1] <= ONE_BYTE) {
        out->open_calls = at[1];
        at += 2;
    }
    take_double(&at, end, IDLE_S, &out->idle_s);
    out->said_occupancy = take_double(&at, end, OCCUPANCY, &out->occupancy);
    return at == end && !(out->said_occupancy && isnan(out->occupancy)); /* that it is no number is told by whoever can say so */
}
