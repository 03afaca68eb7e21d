/* A server that answers every request with one prepared reply, which carries the request's id.
 *
 *   server --reply FILE --framing LENGTH_AT,LENGTH_SIZE,LENGTH_ADDS,ID_AT,ID_SIZE [--ports 2]
 *
 * It prints the ports it listens on, on the loopback alone, and serves until its standard input ends. One thread,
 * one read and one write for whatever a connection has sent. A client that does not read is not read from. */
#define _GNU_SOURCE
#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define READ_SIZE (1 << 20)
#define MAX_HEAD 256

enum kind { LISTENER, CLIENT, INPUT };

struct peer {
    enum kind kind;
    int fd;
    unsigned char head[MAX_HEAD]; /* the start of a frame that is not all there */
    unsigned have;
    size_t skip; /* bytes of a frame whose head was seen */
    unsigned char *out;
    size_t out_size, out_at, out_room;
};

static struct framing framing;
static struct bytes reply;
static unsigned head;
static int epoll;
static unsigned char input[READ_SIZE];

static struct peer *watch(enum kind kind, int fd) {
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer) fail("out of memory");
    peer->kind = kind;
    peer->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("epoll: %s", strerror(errno));
    return peer;
}

static void wait_for(struct peer *peer, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = peer};
    epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &event);
}

static void drop(struct peer *peer) {
    close(peer->fd);
    free(peer->out);
    free(peer);
}

static void add_reply(struct peer *peer, const unsigned char *request) {
    if (peer->out_size + reply.size > peer->out_room) {
        peer->out_room = 2 * peer->out_room + reply.size;
        peer->out = realloc(peer->out, peer->out_room);
        if (!peer->out) fail("out of memory");
    }
    unsigned char *at = peer->out + peer->out_size;
    memcpy(at, reply.data, reply.size);
    memcpy(at + framing.id_at, request + framing.id_at, framing.id_size);
    peer->out_size += reply.size;
}

/* Answers every frame whose head is there; the rest of its bytes is passed over. */
static void take(struct peer *peer, const unsigned char *data, size_t size) {
    while (size) {
        if (peer->skip) {
            size_t step = peer->skip < size ? peer->skip : size;
            peer->skip -= step;
            data += step;
            size -= step;
            if (!peer->skip) add_reply(peer, peer->head);
            continue;
        }
        size_t step = head - peer->have < size ? head - peer->have : size;
        memcpy(peer->head + peer->have, data, step);
        peer->have += (unsigned)step;
        data += step;
        size -= step;
        if (peer->have < head) return;
        size_t whole = frame_size(&framing, peer->head);
        if (whole < head) fail("a request says a length of %zu", whole);
        peer->have = 0;
        peer->skip = whole - head;
        if (!peer->skip) add_reply(peer, peer->head);
    }
}

/* Writes what there is to write; whether the client is still there. */
static int flush(struct peer *peer) {
    while (peer->out_at < peer->out_size) {
        ssize_t sent = send(peer->fd, peer->out + peer->out_at, peer->out_size - peer->out_at, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return 0;
            wait_for(peer, EPOLLOUT);
            return 1;
        }
        peer->out_at += (size_t)sent;
    }
    peer->out_at = peer->out_size = 0;
    return 1;
}

static int serve(struct peer *peer, uint32_t events) {
    if (events & EPOLLOUT) {
        if (!flush(peer)) return 0;
        if (!peer->out_size) wait_for(peer, EPOLLIN);
        return 1;
    }
    ssize_t size = recv(peer->fd, input, sizeof input, 0);
    if (size <= 0) return size < 0 && errno == EAGAIN;
    take(peer, input, (size_t)size);
    return flush(peer);
}

static void accept_all(int listener) {
    int fd, one = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        watch(CLIENT, fd);
    }
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        fail("cannot listen: %s", strerror(errno));
    watch(LISTENER, fd);
    return ntohs(address.sin_port);
}

int main(int argc, char **argv) {
    framing = framing_option(argc, argv);
    reply = read_file(option(argc, argv, "reply", NULL));
    head = head_size(&framing);
    if (head > MAX_HEAD || head > reply.size) fail("the head of a frame has %u bytes", head);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int left = atoi(option(argc, argv, "ports", "2")); left > 0; left--)
        printf("%d%c", listen_on_loopback(), left > 1 ? ' ' : '\n');
    fflush(stdout);
    watch(INPUT, STDIN_FILENO);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct peer *peer = events[i].data.ptr;
            if (peer->kind == INPUT) return 0;
            if (peer->kind == LISTENER)
                accept_all(peer->fd);
            else if (!serve(peer, events[i].events))
                drop(peer);
        }
    }
}
