/**
 * Where a layer is measured: shares of the rank at which its factors have as many elements as it has. (On the embedded
 * parent, two gave ranks as good as four at half of the cost.)
 */
export const PROBES = [0.15, 0.5] as const;

/** Blocks of the calibration text on which losses are measured. The same for all, so that differences are small but sure. */
export const MEASURED_BLOCKS = 16;
