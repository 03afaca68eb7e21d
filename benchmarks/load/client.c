/* A load client: prepared requests on many connections, every reply compared with the one that is due.
 *
 *   client --port N --request FILE --reply FILE --framing LENGTH_AT,LENGTH_SIZE,LENGTH_ADDS,ID_AT,ID_SIZE
 *          [--connections 16] [--depth 1] [--warmup 0.5] [--seconds 2] [--rate 0] [--pid 0]
 *   client ... --hold 1
 *
 * Closed loop (--rate 0): each connection has `depth` requests in flight; a reply is followed by the next request.
 * Open loop: `rate` requests a second in all, at random times that are the same in every run (exponential gaps). Each
 * takes a connection that has less than `depth` in flight, or waits for one; its latency counts from the time it was
 * due, so a proxy that stalls pays for every request it kept from being sent (coordinated omission).
 *
 * It prints one JSON object of what happened between the end of the warm-up and the end: replies, latencies in
 * nanoseconds (of `measured` requests: in open loop, those that were due meanwhile), and the CPU time of process `pid`,
 * taken at those two moments. With --hold it sends one request on each
 * connection, prints "held" and keeps the connections until its standard input ends. */
#define _GNU_SOURCE
#include "common.h"
#include "histogram.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS 512
#define PATIENCE_NS 5000000000u /* how long the last replies may take */

struct slot {
    uint64_t id, due;
    int is_busy;
};

struct connection {
    int fd, is_dirty, waits_to_write;
    unsigned char *in, *out;
    size_t in_size, out_size, out_at;
    struct slot *slots;
};

/* A place for one more request: a connection and one of its slots. */
struct place {
    unsigned connection, slot;
};

static struct framing framing;
static struct bytes request, reply;
static unsigned connections, depth;
static double rate;
static struct connection *all;
static struct place *free_places; /* a ring: the place that has been free for longest is taken first */
static unsigned first_free, free_count, places;
static unsigned *dirty, dirty_count;
static size_t in_room;
static int epoll, timer;
static uint64_t random_state = 88172645463325252u, next_due, window_start, window_end;
static uint64_t replies, unexpected, in_flight;
static struct histogram latencies;

static uint64_t process_ns(int pid) {
    struct timespec time;
    clockid_t clock = pid ? (clockid_t)(~(unsigned)pid << 3 | 2) : CLOCK_PROCESS_CPUTIME_ID; /* clock_getcpuclockid */
    if (clock_gettime(clock, &time)) fail("the CPU time of process %d cannot be read: %s", pid, strerror(errno));
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Of process `pid`, the share of its CPU time spent in the kernel is what the difference of two of these says. */
static void process_ticks(int pid, unsigned long *user, unsigned long *system) {
    char path[32], text[1024];
    *user = *system = 0;
    if (!pid) return;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    char *after_name = strrchr(text, ')');
    if (!after_name || sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", user, system) != 2)
        fail("%s cannot be read", path);
}

static double gap_ns(void) {
    random_state ^= random_state << 13; /* xorshift64: the same times in every run */
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    double uniform = ((double)(random_state >> 11) + 1) / 9007199254740993.0;
    return -log(uniform) * 1e9 / rate;
}

static int dial(int port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("cannot connect to port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void make_free(unsigned connection, unsigned slot) {
    free_places[(first_free + free_count++) % places] = (struct place){connection, slot};
}

static void open_all(int port) {
    places = connections * depth;
    in_room = depth * reply.size > 65536 ? depth * reply.size : 65536;
    all = calloc(connections, sizeof *all);
    free_places = calloc(places, sizeof *free_places);
    dirty = calloc(connections, sizeof *dirty);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < connections; i++) {
        struct connection *each = &all[i];
        each->fd = dial(port);
        fcntl(each->fd, F_SETFL, O_NONBLOCK);
        each->in = malloc(in_room);
        each->out = malloc(depth * request.size);
        each->slots = calloc(depth, sizeof *each->slots);
        if (!each->in || !each->out || !each->slots) fail("out of memory");
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
        epoll_ctl(epoll, EPOLL_CTL_ADD, each->fd, &event);
        for (unsigned slot = 0; slot < depth; slot++) each->slots[slot].id = slot;
    }
    for (unsigned slot = 0; slot < depth; slot++)
        for (unsigned i = 0; i < connections; i++) make_free(i, slot);
}

/* Puts a request into a free place. Ids tell the slot (id % depth) and are never used twice in a run. */
static void send_one(uint64_t due) {
    struct place place = free_places[first_free];
    first_free = (first_free + 1) % places;
    free_count--;
    struct connection *to = &all[place.connection];
    struct slot *slot = &to->slots[place.slot];
    slot->id += depth;
    slot->due = due;
    slot->is_busy = 1;
    unsigned char *at = to->out + to->out_size;
    memcpy(at, request.data, request.size);
    put_number(at + framing.id_at, framing.id_size, slot->id);
    to->out_size += request.size;
    in_flight++;
    if (!to->is_dirty) {
        to->is_dirty = 1;
        dirty[dirty_count++] = place.connection;
    }
}

static void flush(unsigned index) {
    struct connection *to = &all[index];
    int is_full = 0;
    while (to->out_at < to->out_size && !is_full) {
        ssize_t sent = send(to->fd, to->out + to->out_at, to->out_size - to->out_at, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) fail("a connection broke: %s", strerror(errno));
        if (sent > 0) to->out_at += (size_t)sent;
        is_full = sent < 0;
    }
    to->out_size -= to->out_at;
    memmove(to->out, to->out + to->out_at, to->out_size);
    to->out_at = 0;
    if (is_full == to->waits_to_write) return;
    to->waits_to_write = is_full;
    struct epoll_event event = {.events = is_full ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.u32 = index};
    epoll_ctl(epoll, EPOLL_CTL_MOD, to->fd, &event);
}

static void flush_dirty(void) {
    for (unsigned i = 0; i < dirty_count; i++) {
        all[dirty[i]].is_dirty = 0;
        flush(dirty[i]);
    }
    dirty_count = 0;
}

/* Sends what is due, as far as there are places. Nothing new is due once the window is over. */
static void send_due(uint64_t now) {
    if (rate <= 0) {
        while (free_count && now < window_end) send_one(now);
    } else {
        while (free_count && next_due <= now && next_due < window_end) {
            send_one(next_due);
            next_due += (uint64_t)gap_ns();
        }
    }
    flush_dirty();
}

static int is_expected(const unsigned char *frame, size_t size) {
    unsigned after_id = framing.id_at + framing.id_size;
    return size == reply.size && !memcmp(frame, reply.data, framing.id_at) &&
           !memcmp(frame + after_id, reply.data + after_id, size - after_id);
}

static void refuse(const unsigned char *frame, size_t size, const char *why) {
    if (unexpected++) return;
    fprintf(stderr, "%s; the first one is", why);
    for (size_t i = 0; i < size && i < 96; i++) fprintf(stderr, " %02x", frame[i]);
    fputc('\n', stderr);
}

static void take_reply(unsigned index, const unsigned char *frame, size_t size, uint64_t now) {
    uint64_t id = get_number(frame + framing.id_at, framing.id_size);
    struct slot *slot = &all[index].slots[id % depth];
    if (!slot->is_busy || slot->id != id) {
        refuse(frame, size, "replies answer no request of their connection");
        return;
    }
    if (!is_expected(frame, size)) refuse(frame, size, "replies are not what the server sent");
    slot->is_busy = 0;
    in_flight--;
    if (now >= window_start && now < window_end) replies++;
    uint64_t since = rate > 0 ? slot->due : now;
    if (since >= window_start && since < window_end) count(&latencies, now - slot->due);
    make_free(index, (unsigned)(id % depth));
}

static void receive(unsigned index) {
    struct connection *from = &all[index];
    ssize_t size = recv(from->fd, from->in + from->in_size, in_room - from->in_size, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) fail("a connection was closed after %llu replies", (unsigned long long)replies);
    from->in_size += (size_t)size;
    uint64_t now = now_ns();
    size_t at = 0, whole;
    while (from->in_size - at >= head_size(&framing)) {
        whole = frame_size(&framing, from->in + at);
        if (whole < head_size(&framing) || whole > in_room) fail("a reply says a length of %zu", whole);
        if (from->in_size - at < whole) break;
        take_reply(index, from->in + at, whole, now);
        at += whole;
    }
    from->in_size -= at;
    memmove(from->in, from->in + at, from->in_size);
}

static void wait_once(uint64_t until) {
    static uint64_t armed;
    struct epoll_event events[EVENTS];
    struct itimerspec alarm = {.it_value = {(time_t)(until / 1000000000u), (long)(until % 1000000000u)}};
    if (until != armed) timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, NULL);
    armed = until;
    int ready = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
        unsigned index = events[i].data.u32;
        if (index == connections) continue; /* the timer: whoever waits looks at the clock anyway */
        if (events[i].events & EPOLLOUT) flush(index);
        if (events[i].events & ~(uint32_t)EPOLLOUT) receive(index);
    }
}

static void run_until(uint64_t end) {
    for (uint64_t now = now_ns(); now < end; now = now_ns()) {
        send_due(now);
        wait_once(rate > 0 && free_count && next_due < end ? next_due : end);
    }
}

/* Everything that was due in the window is sent and answered, or counted as if it were answered now. */
static void finish(void) {
    uint64_t end = now_ns() + PATIENCE_NS, now = now_ns();
    while (now < end && (in_flight || (rate > 0 && next_due < window_end))) {
        send_due(now);
        wait_once(end);
        now = now_ns();
    }
    for (unsigned i = 0; rate > 0 && i < places; i++) {
        struct slot *slot = &all[i / depth].slots[i % depth];
        if (slot->is_busy && slot->due >= window_start) count(&latencies, now - slot->due);
    }
    for (; rate > 0 && next_due < window_end; next_due += (uint64_t)gap_ns()) {
        unexpected++;
        count(&latencies, now - next_due);
    }
    unexpected += in_flight;
}

static void hold(void) {
    for (unsigned i = 0; i < connections; i++) {
        uint64_t end = now_ns() + PATIENCE_NS;
        send_one(0);
        flush_dirty();
        while (in_flight && now_ns() < end) wait_once(end);
        if (in_flight || unexpected) fail("connection %u got no reply", i);
    }
    printf("held\n");
    fflush(stdout);
    while (getchar() != EOF) continue;
}

static void measure(int pid, double warmup, double seconds) {
    unsigned long user, system, user_then, system_then;
    uint64_t start = now_ns();
    window_start = start + (uint64_t)(warmup * 1e9);
    window_end = window_start + (uint64_t)(seconds * 1e9);
    next_due = start;
    run_until(window_start);
    uint64_t began = now_ns(), cpu = process_ns(pid), own = process_ns(0);
    process_ticks(pid, &user_then, &system_then);
    run_until(window_end);
    cpu = process_ns(pid) - cpu;
    own = process_ns(0) - own;
    double took = (double)(now_ns() - began) / 1e9;
    process_ticks(pid, &user, &system);
    finish();
    printf("{\"replies\": %llu, \"measured\": %llu, \"seconds\": %.6f, \"cpu_ns\": %llu, \"user_ticks\": %lu, \"system_ticks\": %lu, "
           "\"client_cpu_ns\": %llu, \"unexpected\": %llu, \"p50_ns\": %llu, \"p90_ns\": %llu, \"p99_ns\": %llu, "
           "\"p999_ns\": %llu, \"highest_ns\": %llu}\n",
           (unsigned long long)replies, (unsigned long long)latencies.total, took, (unsigned long long)cpu, user - user_then, system - system_then,
           (unsigned long long)own, (unsigned long long)unexpected, (unsigned long long)percentile(&latencies, 0.5),
           (unsigned long long)percentile(&latencies, 0.9), (unsigned long long)percentile(&latencies, 0.99),
           (unsigned long long)percentile(&latencies, 0.999), (unsigned long long)latencies.highest);
}

int main(int argc, char **argv) {
    framing = framing_option(argc, argv);
    request = read_file(option(argc, argv, "request", NULL));
    reply = read_file(option(argc, argv, "reply", NULL));
    connections = (unsigned)atoi(option(argc, argv, "connections", "16"));
    depth = (unsigned)atoi(option(argc, argv, "depth", "1"));
    rate = atof(option(argc, argv, "rate", "0"));
    if (!connections || !depth) fail("--connections and --depth are at least 1");
    open_all(atoi(option(argc, argv, "port", NULL)));
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = connections};
    epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
    if (atoi(option(argc, argv, "hold", "0"))) {
        hold();
        return 0;
    }
    measure(atoi(option(argc, argv, "pid", "0")), atof(option(argc, argv, "warmup", "0.5")),
            atof(option(argc, argv, "seconds", "2")));
    return unexpected > 0;
}
