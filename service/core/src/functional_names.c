/* functional_names.c - names (openSMILE's) and units of the 88 functionals, in order. */
#include "functionals.h"

#define MOMENTS(name, unit) {name "_amean", unit}, {name "_stddevNorm", "1"}
#define CONTOUR(name, unit, rate)                                                                                                             \
    MOMENTS(name, unit), {name "_percentile20.0", unit}, {name "_percentile50.0", unit}, {name "_percentile80.0", unit},                      \
        {name "_pctlrange0-2", unit}, {name "_meanRisingSlope", rate}, {name "_stddevRisingSlope", rate}, {name "_meanFallingSlope", rate},   \
        {name "_stddevFallingSlope", rate}

static const struct {
    const char *name, *unit;
} functionals[] = {
    CONTOUR("F0semitoneFrom27.5Hz_sma3nz", "st", "st/s"),
    CONTOUR("loudness_sma3", "1", "1/s"),
    MOMENTS("spectralFlux_sma3", "1"),
    MOMENTS("mfcc1_sma3", "1"),
    MOMENTS("mfcc2_sma3", "1"),
    MOMENTS("mfcc3_sma3", "1"),
    MOMENTS("mfcc4_sma3", "1"),
    MOMENTS("jitterLocal_sma3nz", "1"),
    MOMENTS("shimmerLocaldB_sma3nz", "dB"),
    MOMENTS("HNRdBACF_sma3nz", "dB"),
    MOMENTS("logRelF0-H1-H2_sma3nz", "dB"),
    MOMENTS("logRelF0-H1-A3_sma3nz", "dB"),
    MOMENTS("F1frequency_sma3nz", "Hz"),
    MOMENTS("F1bandwidth_sma3nz", "Hz"),
    MOMENTS("F1amplitudeLogRelF0_sma3nz", "dB"),
    MOMENTS("F2frequency_sma3nz", "Hz"),
    MOMENTS("F2bandwidth_sma3nz", "Hz"),
    MOMENTS("F2amplitudeLogRelF0_sma3nz", "dB"),
    MOMENTS("F3frequency_sma3nz", "Hz"),
    MOMENTS("F3bandwidth_sma3nz", "Hz"),
    MOMENTS("F3amplitudeLogRelF0_sma3nz", "dB"),
    MOMENTS("alphaRatioV_sma3nz", "dB"),
    MOMENTS("hammarbergIndexV_sma3nz", "dB"),
    MOMENTS("slopeV0-500_sma3nz", "dB/Hz"),
    MOMENTS("slopeV500-1500_sma3nz", "dB/Hz"),
    MOMENTS("spectralFluxV_sma3nz", "1"),
    MOMENTS("mfcc1V_sma3nz", "1"),
    MOMENTS("mfcc2V_sma3nz", "1"),
    MOMENTS("mfcc3V_sma3nz", "1"),
    MOMENTS("mfcc4V_sma3nz", "1"),
    {"alphaRatioUV_sma3nz_amean", "dB"},
    {"hammarbergIndexUV_sma3nz_amean", "dB"},
    {"slopeUV0-500_sma3nz_amean", "dB/Hz"},
    {"slopeUV500-1500_sma3nz_amean", "dB/Hz"},
    {"spectralFluxUV_sma3nz_amean", "1"},
    {"loudnessPeaksPerSec", "1/s"},
    {"VoicedSegmentsPerSec", "1/s"},
    {"MeanVoicedSegmentLengthSec", "s"},
    {"StddevVoicedSegmentLengthSec", "s"},
    {"MeanUnvoicedSegmentLength", "s"},
    {"StddevUnvoicedSegmentLength", "s"},
    {"equivalentSoundLevel_dBp", "dBFS"},
};

_Static_assert(sizeof functionals / sizeof functionals[0] == FUNCTIONAL_COUNT, "eGeMAPSv02 has 88 functionals");

size_t prosody_functional_count(void) {
    return FUNCTIONAL_COUNT;
}

const char *prosody_functional_name(size_t index) {
    return index < FUNCTIONAL_COUNT ? functionals[index].name : NULL;
}

const char *prosody_functional_unit(size_t index) {
    return index < FUNCTIONAL_COUNT ? functionals[index].unit : NULL;
}
