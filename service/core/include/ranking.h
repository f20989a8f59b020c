/* ranking.h - the arithmetic of rankings: what a model expects of each agent, the chance of each to come first, and candidates read from the wire.
 *
 * Of one call and some thousand agents at a time. Nothing is kept between calls but a reader's names; every function may be used by any number of threads. Failures are
 * prosody_errors. A figure that is not a number makes figures that are not numbers, and nothing worse.
 */
#ifndef RANKING_H
#define RANKING_H

#include <stddef.h>
#include <stdint.h>

#include "prosody.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A solved outcome model, in rows that a ranking reads from front to back; P = `terms`, G = `width`, all in double precision.
 *
 *   agents  [agent_rows, P + P*P + P*G + 1]   coefficients; their covariance given the queue; d utility / d queue of each coefficient, times `root`; calls
 *   cells   [cell_rows, P + 3]                sum w phi; sum w u; shrinkage; variance. The last is an empty cell.
 *   cell_at [agent_rows, G - P]               the cell of an agent with a reason
 *   mean [G], root [G, G]                     of the queue; root root' is its covariance
 */
typedef struct ranking_model {
    const double *agents, *cells, *mean, *root;
    const int64_t *cell_at;
    size_t agent_rows, cell_rows, terms, width;
} ranking_model;

#define RANKING_AGENT_WIDTH(terms, width) ((terms) * (1 + (terms) + (width)) + 1)
#define RANKING_CELL_WIDTH(terms) ((terms) + 3)
/* Rows of what is expected: mean, sd, sd of the contrast, level, cell, calls, calls of the cell, and a slope for each axis. */
#define RANKING_EXPECTED(terms) (7 + (terms)-1)
#define RANKING_MAX_TERMS 16

/* Expects the utility of giving a call to each of `count` agents.
 *
 *   rows    of the agents in the model
 *   phi     [P], the call's regressors
 *   reason  its column, or -1
 *   out     [RANKING_EXPECTED(P), count]
 *
 * Returns PROSODY_ERR_ARGUMENT where a row, a cell or the reason is beyond the model, PROSODY_ERR_MEMORY. */
int ranking_expect(const ranking_model *model, const int64_t *rows, size_t count, const double *phi, int64_t reason, double *out);

/* How the chance of first place is found; see ranking_first_place. */
typedef struct ranking_grid {
    double lost;              /* of the largest score's probability, what the grid may miss at either end */
    double reach;             /* SDs, at most 8: whoever is that far behind the grid's lower end is left out */
    double tail;              /* SDs beyond which a normal has lost / count: where the search for the upper end begins */
    double smallest_sd_ratio; /* SDs below this share of the widest are raised to it */
    double steps_per_sd;      /* in the narrowest SD */
    double least_steps;       /* on the whole grid */
} ranking_grid;

/* The probability that each of `count` independent normal scores is the largest.
 *
 * For scores N(mean_a, sd_a^2) it is the integral of f_a(x) times the product over b != a of F_b(x), taken by the trapezoid rule from x = ends[0] to ends[1], between which the
 * largest score lies but for some `lost` of its probability on either side. Where every SD is 0 the largest mean has it; among equals, the first.
 *
 * `level` names a SIMD level, or is NULL for the best. Figures of different levels differ by rounding alone. Returns PROSODY_ERR_ARGUMENT where a figure is not finite or
 * beyond 1e150, or an SD is below 0, PROSODY_ERR_SIMD, PROSODY_ERR_MEMORY. */
int ranking_first_place(const double *mean, const double *sd, size_t count, const ranking_grid *grid, const char *level, double *chances, double ends[2]);

#ifdef __cplusplus
}
#endif
#endif
