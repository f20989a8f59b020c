"""A slow, clear eGeMAPS in NumPy: the reference that the C core is checked against.

Used by tests and benches only, never shipped. One noun per file, in the order in which a stream passes through them:

==============  ==========================================================================================================
windows         frame grid, windows, the two FFTs that everything shares
spectrum        alpha ratio, Hammarberg index, slopes, flux                                                     short window
mel, loudness   26 mel bands, MFCC 1-4, loudness                                                                short window
formants        linear prediction, F1-F3 and bandwidths                                                         short window
harmonics       HNR, H1-H2, H1-A3, formant amplitudes                                                           long window
periods         jitter and shimmer, one glottal period at a time                                                samples
smoothing       moving average of 3 frames, plain and within voiced runs
descriptors     puts the 25 low-level descriptors together (F0 comes from the pitch tracker, not from here)
extrema         peaks, rising and falling slopes of a contour
functionals     the 88, from sums, runs, extrema and percentiles
names           openSMILE's own names and order
==============  ==========================================================================================================

Sources: the published definitions (Eyben et al., IEEE Transactions on Affective Computing 7(2), 2016, and the papers cited in each
file), and the observable output of the opensmile package on designed signals where the papers leave a choice open. None of its code or
configuration was read. ``docs/egemaps.md`` lists each definition with its evidence.
"""
