/* expect.c - what an outcome model expects of agents for one call; see ranking.h. The model is in service/simpatico/routing/posterior.py. */
#include <math.h>
#include <stdlib.h>

#include "ranking.h"

/* What holds of one call for all agents. */
typedef struct call {
    const ranking_model *model;
    const double *phi;
    const double *reason_root; /* row of the reason in root, or NULL */
    double reason_mean;
    double baseline;
    size_t column;
} call;

static const double *cell_of(const call *c, int64_t row) {
    const ranking_model *m = c->model;
    const size_t reasons = m->width - m->terms;
    const int64_t at = c->reason_root == NULL ? (int64_t)m->cell_rows - 1 : m->cell_at[(size_t)row * reasons + c->column];
    return at < 0 || (size_t)at >= m->cell_rows ? NULL : m->cells + (size_t)at * RANKING_CELL_WIDTH(m->terms);
}

/* Writes the figures of one agent, `count` apart; `reached` [G] gets how its utility moves with the queue's independent sources of uncertainty. */
static void expect_one(const call *c, const double *agent, const double *cell, size_t count, double *out, double *reached) {
    const ranking_model *m = c->model;
    const size_t terms = m->terms, width = m->width;
    const double *covariance = agent + terms, *reach = covariance + terms * terms;
    const double shrink = cell[terms + 1];
    double taken[RANKING_MAX_TERMS], toward[RANKING_MAX_TERMS];
    double own = 0, held = shrink * cell[terms], inner = cell[terms + 2];
    for (size_t p = 0; p < terms; p++) {
        taken[p] = shrink * cell[p]; /* what the cell's own data take back of the coefficients */
        toward[p] = c->phi[p] - taken[p];
        held -= taken[p] * (m->mean[p] + agent[p]);
        own += agent[p] * c->phi[p];
    }
    const double rest = c->reason_root == NULL ? 0 : 1 - taken[0];
    held -= taken[0] * c->reason_mean;
    for (size_t g = 0; g < width; g++)
        reached[g] = c->reason_root == NULL ? 0 : rest * c->reason_root[g];
    for (size_t p = 0; p < terms; p++) {
        double row = 0;
        for (size_t q = 0; q < terms; q++)
            row += covariance[p * terms + q] * toward[q];
        inner += row * toward[p];
        for (size_t g = 0; g < width; g++)
            reached[g] += toward[p] * reach[p * width + g];
    }
    out[0] = c->baseline + own + held;
    out[count] = inner; /* for now */
    out[3 * count] = agent[0];
    out[4 * count] = held;
    out[5 * count] = agent[terms * (1 + terms + width)];
    out[6 * count] = cell[0];
    for (size_t p = 1; p < terms; p++)
        out[(6 + p) * count] = agent[p];
}

/* Adds what is uncertain of the queue: all of it, and what of it differs between the agents. */
static void spread(const double *reached, const double *mean, size_t width, double *sd, double *contrast) {
    double all = 0, apart = 0;
    for (size_t g = 0; g < width; g++) {
        const double difference = reached[g] - mean[g];
        all += reached[g] * reached[g];
        apart += difference * difference;
    }
    *contrast = sqrt(*sd + apart);
    *sd = sqrt(*sd + all);
}

int ranking_expect(const ranking_model *model, const int64_t *rows, size_t count, const double *phi, int64_t reason, double *out) {
    const size_t terms = model->terms, width = model->width;
    if (terms < 1 || terms > RANKING_MAX_TERMS || width < terms || model->cell_rows < 1 || reason >= (int64_t)(width - terms))
        return PROSODY_ERR_ARGUMENT;
    call c = {model, phi, NULL, 0, 0, 0};
    if (reason >= 0) {
        c.column = (size_t)reason;
        c.reason_root = model->root + (terms + c.column) * width;
        c.reason_mean = model->mean[terms + c.column];
    }
    c.baseline = c.reason_mean;
    for (size_t p = 0; p < terms; p++)
        c.baseline += phi[p] * model->mean[p];
    double *reached = malloc((count + 1) * width * sizeof(double)), *mean = reached + count * width;
    if (reached == NULL)
        return PROSODY_ERR_MEMORY;
    for (size_t g = 0; g < width; g++)
        mean[g] = 0;
    int code = PROSODY_OK;
    for (size_t i = 0; i < count && code == PROSODY_OK; i++) {
        const double *cell = rows[i] < 0 || (uint64_t)rows[i] >= model->agent_rows ? NULL : cell_of(&c, rows[i]);
        if (cell == NULL) {
            code = PROSODY_ERR_ARGUMENT;
        } else {
            expect_one(&c, model->agents + (size_t)rows[i] * RANKING_AGENT_WIDTH(terms, width), cell, count, out + i, reached + i * width);
            for (size_t g = 0; g < width; g++)
                mean[g] += reached[i * width + g] / (double)count;
        }
    }
    for (size_t i = 0; i < count && code == PROSODY_OK; i++)
        spread(reached + i * width, mean, width, out + count + i, out + 2 * count + i);
    free(reached);
    return code;
}
