/* An HTTP load: one thread on epoll, each request's own bytes, every answer checked.
 *
 *     load [-c open] [-d seconds | -n requests | -o] [-r rate] [-a addresses] [-s seed] [-k] [-t]
 *          PORT FILE
 *
 * FILE holds records of four little-endian words (bytes of the request, status wanted or 0 for any,
 * bytes of the body or 0xffffffff for any, Adler-32 of the body) and the request.
 * -c open connections at most   -d so long, records at random   -n so many, at random
 * -o every record once, in order   -r requests a second; what is late counts from when it was due
 * -a source addresses, from 127.16.0.1 on, that of a record always the same
 * -k keep connections   -t TLS, a full handshake each
 *
 * SIGTERM ends it early: no more is begun. Prints one line of JSON. `answers` came whole, `wrong` of them were not what was wanted; `broken`
 * ended without an answer. A connection that is not kept is read to its end before its place is
 * used again; the time of an answer ends with the last byte of its body.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

#define ANY 0xffffffffu
#define DRAIN_NS 15000000000ull

struct record { uint32_t size, status, body, sum; const char *bytes; };

struct conn {
    int fd, is_answered;
    const struct record *asked;
    size_t sent, got, room;
    char *in;
    uint64_t since;
#ifdef WITH_TLS
    SSL *ssl;
    int is_ready;
#endif
};

static struct record *records;
static size_t record_count, open_max = 64, next_record, limit, started, addresses = 1 << 20;
static int keeps, in_order, poller, port, idle_count;
static uint64_t begun, ends, random_state = 88172645463325252ull;
static double rate, seconds = 2;
static struct conn *conns, **idle;
static uint32_t *taken;
static size_t answers, wrong, broken, handshakes, taken_room, by_status[600];
static uint64_t bytes_in, last_answer;
static volatile sig_atomic_t is_stopped;
#ifdef WITH_TLS
static SSL_CTX *tls;
#endif

static void die(const char *what) { perror(what); exit(1); }

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t draw(void) { /* xorshift64 */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static uint32_t adler32(const unsigned char *at, size_t size) { /* RFC 1950 section 8.2 */
    uint32_t a = 1, b = 0;
    while (size) {
        size_t part = size < 5552 ? size : 5552;
        for (size_t i = 0; i < part; i++) b += a += at[i];
        a %= 65521, b %= 65521, at += part, size -= part;
    }
    return b << 16 | a;
}

static void read_records(const char *name) {
    struct stat found;
    FILE *file = fopen(name, "rb");
    if (!file || fstat(fileno(file), &found)) die(name);
    char *all = malloc((size_t)found.st_size + 1);
    if (fread(all, 1, (size_t)found.st_size, file) != (size_t)found.st_size) die(name);
    fclose(file);
    for (char *at = all; at < all + found.st_size; record_count++) {
        if (!(record_count & (record_count + 1)))
            records = realloc(records, (2 * record_count + 2) * sizeof *records);
        struct record *one = records + record_count;
        memcpy(one, at, 16);
        one->bytes = at + 16;
        at += 16 + one->size;
    }
    if (!record_count) exit(2);
}

static void watch(struct conn *c, uint32_t events, int how) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(poller, how, c->fd, &event)) die("epoll_ctl");
}

static void let_go(struct conn *c) {
#ifdef WITH_TLS
    if (c->ssl) SSL_free(c->ssl);
    c->ssl = NULL;
#endif
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    c->asked = NULL;
    idle[idle_count++] = c;
}

static void give_up(struct conn *c) {
    if (!c->is_answered) broken++;
    let_go(c);
}

static int dial(struct conn *c) {
    struct sockaddr_in own = {.sin_family = AF_INET}, server = {.sin_family = AF_INET};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) die("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    own.sin_addr.s_addr = htonl(0x7f100001u + (uint32_t)((size_t)(c->asked - records) % addresses));
    if (bind(c->fd, (struct sockaddr *)&own, sizeof own)) die("bind");
    server.sin_port = htons((uint16_t)port);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) return 0;
#ifdef WITH_TLS
    if (tls) {
        c->ssl = SSL_new(tls);
        c->is_ready = 0;
        SSL_set_fd(c->ssl, c->fd);
        SSL_set_connect_state(c->ssl);
        SSL_set_tlsext_host_name(c->ssl, "localhost");
    }
#endif
    watch(c, EPOLLIN | EPOLLOUT | EPOLLET, EPOLL_CTL_ADD);
    return 1;
}

static ssize_t tried(struct conn *c, ssize_t done) { /* -1: not now; -2: ended badly; 0: ended */
    if (done > 0) return done;
#ifdef WITH_TLS
    if (c->ssl) {
        int why = SSL_get_error(c->ssl, (int)done);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return -1;
        return why == SSL_ERROR_ZERO_RETURN ? 0 : -2;
    }
#else
    (void)c;
#endif
    if (done == 0) return 0;
    return errno == EAGAIN || errno == ENOTCONN ? -1 : -2;
}

static ssize_t put(struct conn *c) {
    const char *at = c->asked->bytes + c->sent;
    size_t left = c->asked->size - c->sent;
#ifdef WITH_TLS
    if (c->ssl) return tried(c, SSL_write(c->ssl, at, (int)left));
#endif
    return tried(c, send(c->fd, at, left, MSG_NOSIGNAL));
}

static ssize_t take(struct conn *c) {
    if (c->room - c->got < 4096) c->in = realloc(c->in, c->room = c->room ? 2 * c->room : 16384);
#ifdef WITH_TLS
    if (c->ssl) return tried(c, SSL_read(c->ssl, c->in + c->got, (int)(c->room - c->got)));
#endif
    return tried(c, recv(c->fd, c->in + c->got, c->room - c->got, 0));
}

static void note(struct conn *c, int status, size_t head, size_t body) {
    const struct record *r = c->asked;
    int is_right = (!r->status || (int)r->status == status) && head + body == c->got;
    if (is_right && r->body != ANY)
        is_right = r->body == body && adler32((unsigned char *)c->in + head, body) == r->sum;
    last_answer = now_ns();
    if (answers == taken_room)
        taken = realloc(taken, (taken_room = 2 * taken_room + 65536) * sizeof *taken);
    taken[answers++] = (uint32_t)((last_answer - c->since) / 1000);
    wrong += !is_right;
    bytes_in += c->got;
    by_status[status > 0 && status < 600 ? status : 0]++;
    c->is_answered = 1;
}

static int look(struct conn *c) { /* 1 when the answer is whole */
    char *end = memmem(c->in, c->got, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - c->in) + 4;
    *end = 0;
    char *said = strcasestr(c->in, "\ncontent-length:");
    *end = '\r';
    size_t body = said ? strtoul(said + 16, NULL, 10) : 0;
    if (c->got < head + body) return 0;
    note(c, c->got > 12 ? atoi(c->in + 9) : 0, head, body);
    if (!said) wrong++;
    return 1;
}

static void hurry(struct conn *c) { /* go on as far as it goes now */
    ssize_t done;
#ifdef WITH_TLS
    if (c->ssl && !c->is_ready) {
        if ((done = tried(c, SSL_do_handshake(c->ssl))) == -1) return;
        if (done < 0) { give_up(c); return; }
        c->is_ready = 1;
        handshakes += !SSL_session_reused(c->ssl);
    }
#endif
    while (c->sent < c->asked->size) {
        if ((done = put(c)) == -1) return;
        if (done <= 0) { give_up(c); return; }
        c->sent += (size_t)done;
    }
    for (;;) {
        if ((done = take(c)) == -1) return;
        if (done <= 0) break;
        c->got += (size_t)done;
        if (c->is_answered) { wrong++; continue; } /* bytes behind an answer */
        if (look(c) && keeps) {
            c->asked = NULL;
            idle[idle_count++] = c;
            return;
        }
    }
#ifdef WITH_TLS
    if (c->ssl && done == 0) SSL_shutdown(c->ssl);
#endif
    give_up(c);
}

static void begin(uint64_t since) {
    struct conn *c = idle[--idle_count];
    size_t which = in_order ? next_record++ : (size_t)(draw() % record_count);
    c->asked = records + which;
    c->sent = c->got = 0;
    c->is_answered = 0;
    c->since = since;
    started++;
    if (c->fd < 0 && !dial(c)) { give_up(c); return; }
    hurry(c);
}

static uint64_t next_due(void) {
    return rate > 0 ? begun + (uint64_t)((double)started * 1e9 / rate) : now_ns();
}

static void stop(int number) {
    (void)number;
    is_stopped = 1;
}

static int is_over(uint64_t due) {
    if (is_stopped) return 1;
    if (in_order) return next_record >= record_count;
    return limit ? started >= limit : due >= ends;
}

static int feed(void) { /* begins what is due; gives milliseconds until more is */
    for (;;) {
        uint64_t due = next_due(), at = now_ns();
        if (!idle_count || is_over(due)) return 100;
        if (due > at) return due - at > 2000000 ? 1 : 0;
        begin(due);
    }
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double at_ms(double part) {
    if (!answers) return 0;
    size_t index = (size_t)((double)answers * part);
    return taken[index < answers ? index : answers - 1] / 1000.0;
}

static void tell(void) {
    qsort(taken, answers, sizeof *taken, by_size);
    printf("{\"answers\": %zu, \"wrong\": %zu, \"broken\": %zu, \"handshakes\": %zu, "
           "\"seconds\": %.6f, \"bytes\": %llu, \"p50_ms\": %.3f, \"p90_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f, \"status\": {",
           answers, wrong, broken, handshakes, (double)(last_answer - begun) / 1e9,
           (unsigned long long)bytes_in, at_ms(.5), at_ms(.9), at_ms(.99), at_ms(.999), at_ms(1));
    const char *between = "";
    for (int status = 0; status < 600; status++)
        if (by_status[status]) {
            printf("%s\"%d\": %zu", between, status, by_status[status]);
            between = ", ";
        }
    puts("}}");
}

static void prepare(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc(open_max, sizeof *conns);
    idle = calloc(open_max, sizeof *idle);
    for (size_t i = open_max; i--;) {
        conns[i].fd = -1;
        idle[idle_count++] = conns + i;
    }
    begun = last_answer = now_ns();
    ends = begun + (uint64_t)(seconds * 1e9);
}

static void run(void) {
    static struct epoll_event events[1024];
    uint64_t stalled = 0;
    for (;;) {
        int wait_ms = feed();
        size_t busy = open_max - (size_t)idle_count;
        if (!busy && is_over(next_due())) break;
        int count = epoll_wait(poller, events, 1024, wait_ms);
        uint64_t at = now_ns();
        for (int i = 0; i < count; i++) {
            struct conn *c = events[i].data.ptr;
            if (c->asked) hurry(c);
        }
        if (count || !busy) stalled = 0;
        else if (!stalled) stalled = at;
        else if (at - stalled > DRAIN_NS) break; /* nothing has moved for long */
    }
    for (size_t i = 0; i < open_max; i++)
        if (conns[i].asked && !conns[i].is_answered) broken++;
}

int main(int argc, char **argv) {
    int option, has_tls = 0;
    while ((option = getopt(argc, argv, "c:d:n:r:a:s:okt")) != -1) switch (option) {
        case 'c': open_max = strtoul(optarg, NULL, 10); break;
        case 'd': seconds = atof(optarg); break;
        case 'n': limit = strtoul(optarg, NULL, 10); break;
        case 'r': rate = atof(optarg); break;
        case 'a': addresses = strtoul(optarg, NULL, 10); break;
        case 's': random_state ^= strtoull(optarg, NULL, 10) * 0x9e3779b97f4a7c15ull; break;
        case 'o': in_order = 1; break;
        case 'k': keeps = 1; break;
        case 't': has_tls = 1; break;
        default: return 2;
    }
    if (argc - optind != 2) return 2;
    port = atoi(argv[optind]);
    read_records(argv[optind + 1]);
    if (has_tls) {
#ifdef WITH_TLS
        tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(tls, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
#else
        fputs("made without TLS\n", stderr);
        return 3;
#endif
    }
    signal(SIGTERM, stop);
    prepare();
    run();
    tell();
    return 0;
}
