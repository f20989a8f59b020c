/* fuzz_functionals.c - functionals of hostile rows, added in any cuts and order (libFuzzer).
 *
 * Two objects get the same rows, one as the programme says, one in cuts of its own and with other gaps between rows. Held to: a row with a NaN or an infinity is refused
 * together with its whole call; any finite rows give finite figures; and how rows were cut never changes a figure, to the bit.
 */
#include "fuzz_input.h"
#include "prosody.h"

#define COLUMNS PROSODY_EGEMAPS_COLUMNS
#define MAX_STRIDE (COLUMNS + 7)
#define MAX_ROWS 96          /* of one call */
#define MAX_CALLS 64
#define MAX_FIGURES 128

typedef struct subject {
    prosody_functionals *whole, *cut;
    uint64_t random;
    size_t rows;
} subject;

/* Plausible rows: voiced and unvoiced runs, around a level. */
static void make_rows(float *rows, size_t stride, size_t count, fuzz_input *in, uint64_t *random) {
    const float level = ldexpf(1.0f, (int)(int8_t)take(in, 1) / 2);
    size_t run = 0;
    int voiced = 0;
    for (size_t i = 0; i < count; i++, run--) {
        if (run == 0) {
            run = 1 + random_below(random, 20);
            voiced = !voiced;
        }
        float *row = rows + i * stride;
        for (size_t c = 0; c < COLUMNS; c++)
            row[c] = c >= 10 && c < 25 && !voiced ? 0.0f : level * random_sample(random);
        row[0] = fabsf(row[0]);
        row[10] = fabsf(row[10]);
        row[25] = fabsf(row[25]);
    }
}

/* Rows of single floats: one value through all, but for one that is another. */
static void make_hostile_rows(float *rows, size_t stride, size_t count, fuzz_input *in) {
    const float value = take_float(in), other = take_float(in);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            rows[i * stride + c] = value;
    if (count > 0)
        rows[take(in, 1) % count * stride + take(in, 1) % COLUMNS] = other;
}

static int all_finite(const float *rows, size_t stride, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < COLUMNS; c++)
            if (!isfinite(rows[i * stride + c]))
                return 0;
    return 1;
}

static void add_cut(subject *s, const float *rows, size_t stride, size_t count) {
    float block[MAX_ROWS * COLUMNS];
    for (size_t done = 0; done < count;) {
        const size_t most = count - done, take_rows = 1 + random_below(&s->random, most);
        for (size_t i = 0; i < take_rows; i++)
            memcpy(block + i * COLUMNS, rows + (done + i) * stride, COLUMNS * sizeof(float));
        REQUIRE(prosody_functionals_add(s->cut, block, COLUMNS, take_rows) == PROSODY_OK, "row %zu of %zu", done, count);
        done += take_rows;
    }
}

static void add(subject *s, fuzz_input *in, int hostile) {
    static float rows[MAX_ROWS * MAX_STRIDE], smooth[MAX_ROWS * (COLUMNS - 1)];
    const size_t count = take(in, 1) % (MAX_ROWS + 1), stride = COLUMNS + take(in, 1) % (MAX_STRIDE - COLUMNS + 1);
    if (hostile)
        make_hostile_rows(rows, stride, count, in);
    else
        make_rows(rows, stride, count, in, &s->random);
    const int finite = all_finite(rows, stride, count), code = prosody_functionals_add(s->whole, rows, stride, count);
    REQUIRE(code == (finite ? PROSODY_OK : PROSODY_ERR_ROW), "%d", code);
    if (!finite)
        return;
    add_cut(s, rows, stride, count);
    s->rows += count;
    REQUIRE(prosody_lld_smooth(rows, stride, count, smooth) == PROSODY_OK, "%zu rows", count);
}

static void compare(const subject *s) {
    float whole[MAX_FIGURES], cut[MAX_FIGURES];
    const size_t figures = prosody_functional_count();
    REQUIRE(figures <= MAX_FIGURES, "%zu", figures);
    REQUIRE(prosody_functionals_read(s->whole, whole) == PROSODY_OK && prosody_functionals_read(s->cut, cut) == PROSODY_OK, "read");
    for (size_t i = 0; i < figures; i++) {
        REQUIRE(isfinite(whole[i]), "%s of %zu rows is %g", prosody_functional_name(i), s->rows, (double)whole[i]);
        REQUIRE(memcmp(whole + i, cut + i, sizeof(float)) == 0, "%s of %zu rows is %.9g and, cut, %.9g", prosody_functional_name(i), s->rows, (double)whole[i], (double)cut[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_input in = {data, data + size};
    subject s = {NULL, NULL, 0, 0};
    const size_t exact_frames = take(&in, 1) * 2;
    s.random = take(&in, 2);
    const int code = prosody_functionals_create(exact_frames, &s.whole);
    REQUIRE(code == (exact_frames >= PROSODY_FUNCTIONALS_MIN_EXACT ? PROSODY_OK : PROSODY_ERR_ARGUMENT), "%d for %zu", code, exact_frames);
    if (code != PROSODY_OK)
        return 0;
    REQUIRE(prosody_functionals_create(exact_frames, &s.cut) == PROSODY_OK, "%zu", exact_frames);
    for (int calls = 0; calls < MAX_CALLS && in.at < in.end; calls++) {
        const uint32_t action = take(&in, 1) % 8;
        if (action < 6) {
            add(&s, &in, action >= 3);
        } else if (action == 6) {
            compare(&s);
        } else {
            prosody_functionals_reset(s.whole);
            prosody_functionals_reset(s.cut);
            s.rows = 0;
        }
    }
    compare(&s);
    prosody_functionals_destroy(s.whole);
    prosody_functionals_destroy(s.cut);
    return 0;
}
