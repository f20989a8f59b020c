/* candidates.h - eligible agents as a router's request has them on the wire.
 *
 * A candidate is a Protocol Buffers message of up to four fields: the agent's id (1, bytes), open calls (2, varint), seconds idle (3, double), occupancy (4, double). Read is what
 * serialisers write: fields in the order of their numbers, each once, ids of up to 127 bytes, open calls of up to 127. All else is legal too, and left to whoever knows all
 * of the wire format (protobuf.dev/programming-guides/encoding).
 */
#ifndef CANDIDATES_H
#define CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ids of agents, by which candidates are found. Read by any number of threads. */
typedef struct candidate_names candidate_names;

/* Of `count` ids, joined, with where each begins and the last ends: offsets [count + 1]. Of equal ids the last is found. */
int candidate_names_create(const uint8_t *ids, const size_t *offsets, size_t count, candidate_names **out);
void candidate_names_destroy(candidate_names *names);

typedef struct candidate {
    int64_t at; /* which of the names */
    int64_t open_calls;
    double idle_s;
    double occupancy; /* NaN where it is not said */
    int said_occupancy;
} candidate;

/* Reads one message; 0 where it is written otherwise, or names nobody. */
int candidate_read(const candidate_names *names, const uint8_t *message, size_t bytes, candidate *out);

#ifdef __cplusplus
}
#endif
#endif
