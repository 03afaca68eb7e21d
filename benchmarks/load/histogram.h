/* Latencies in nanoseconds, counted in buckets of less than a hundredth of their value, as HdrHistogram does:
 * 128 buckets for each power of two. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define SUB_BITS 7
#define BUCKETS ((64 - SUB_BITS + 1) << SUB_BITS)

struct histogram {
    uint64_t counts[BUCKETS];
    uint64_t total, highest;
};

static inline unsigned bucket_of(uint64_t value) {
    if (value < 1 << SUB_BITS) return (unsigned)value;
    unsigned shift = 63 - SUB_BITS - (unsigned)__builtin_clzll(value);
    return (shift << SUB_BITS) + (unsigned)(value >> shift);
}

/* The highest value of a bucket. */
static inline uint64_t value_of(unsigned bucket) {
    if (bucket < 1 << SUB_BITS) return bucket;
    unsigned shift = (bucket >> SUB_BITS) - 1;
    uint64_t base = (bucket & ((1 << SUB_BITS) - 1)) + (1 << SUB_BITS);
    return ((base + 1) << shift) - 1;
}

static inline void count(struct histogram *histogram, uint64_t value) {
    histogram->counts[bucket_of(value)]++;
    histogram->total++;
    if (value > histogram->highest) histogram->highest = value;
}

/* The value that `share` of all (0 to 1) do not exceed. */
static inline uint64_t percentile(const struct histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * (double)histogram->total + 0.999999), seen = 0;
    if (!histogram->total) return 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen >= wanted && seen) return value_of(bucket) < histogram->highest ? value_of(bucket) : histogram->highest;
    }
    return histogram->highest;
}

#endif
