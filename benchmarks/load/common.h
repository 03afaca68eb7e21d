/* What the load client and the server have in common: options, numbers of a wire, errors. */
#ifndef COMMON_H
#define COMMON_H

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where a protocol's frames say their length and their id; both are big-endian. */
struct framing {
    unsigned length_at, length_size;
    unsigned length_adds; /* what the length says too little for the whole frame */
    unsigned id_at, id_size;
};

struct bytes {
    unsigned char *data;
    size_t size;
};

static inline void fail(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    vfprintf(stderr, text, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static inline uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t get_number(const unsigned char *at, unsigned size) {
    uint64_t value = 0;
    while (size--) value = value << 8 | *at++;
    return value;
}

static inline void put_number(unsigned char *at, unsigned size, uint64_t value) {
    while (size--) {
        at[size] = (unsigned char)value;
        value >>= 8;
    }
}

/* Bytes from a frame's first until both its length and its id are there. */
static inline unsigned head_size(const struct framing *framing) {
    unsigned length_end = framing->length_at + framing->length_size;
    unsigned id_end = framing->id_at + framing->id_size;
    return length_end > id_end ? length_end : id_end;
}

static inline size_t frame_size(const struct framing *framing, const unsigned char *frame) {
    return (size_t)get_number(frame + framing->length_at, framing->length_size) + framing->length_adds;
}

/* The value of `--name VALUE`; `otherwise` when it is not given, which may be NULL: it must be given. */
static inline const char *option(int argc, char **argv, const char *name, const char *otherwise) {
    for (int i = 1; i + 1 < argc; i += 2)
        if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0) return argv[i + 1];
    if (!otherwise) fail("--%s is missing", name);
    return otherwise;
}

static inline struct framing framing_option(int argc, char **argv) {
    struct framing framing;
    const char *text = option(argc, argv, "framing", NULL);
    if (sscanf(text, "%u,%u,%u,%u,%u", &framing.length_at, &framing.length_size, &framing.length_adds, &framing.id_at,
               &framing.id_size) != 5)
        fail("--framing takes LENGTH_AT,LENGTH_SIZE,LENGTH_ADDS,ID_AT,ID_SIZE, not %s", text);
    return framing;
}

static inline struct bytes read_file(const char *path) {
    struct bytes found = {NULL, 0};
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail("%s: %s", path, strerror(errno));
    found.size = (size_t)ftell(file);
    found.data = malloc(found.size + 1);
    rewind(file);
    if (!found.data || fread(found.data, 1, found.size, file) != found.size) fail("%s cannot be read", path);
    fclose(file);
    return found;
}

#endif
