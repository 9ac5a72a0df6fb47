/* The connections of the watch. They are made once, at the start, and then say one byte at most; what
 * they are for is to be there: the kernel asks the other one every few seconds whether it is. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "dist/host_watch_private.h"

/* Seconds without an answer until the kernel asks, between its questions, and how many it asks. */
enum { ALIVE_IDLE = 2, ALIVE_INTERVAL = 2, ALIVE_PROBES = 3 };
static const double CONNECT_SECONDS = 4; /* for all addresses */
static const int ATTEMPT_MS = 1000;      /* for one */

static void set_option(int fd, int level, int name, int value)
{
    /* Without it the watch is less sharp, no more. */
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

static void keep_alive(int fd)
{
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, ALIVE_IDLE);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, ALIVE_INTERVAL);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, ALIVE_PROBES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
               1000 * (ALIVE_IDLE + ALIVE_INTERVAL * ALIVE_PROBES));
}

bool aed_host_watch_is_silent(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return true;
    /* An answer to each question, and one more missed at most. */
    return info.tcpi_last_ack_recv > 1000 * (ALIVE_IDLE + ALIVE_INTERVAL + 1);
}

/* Reads all the bytes or fails after a second of silence. */
static bool receive(int fd, void *bytes, size_t count)
{
    for (size_t got = 0; got < count;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, ATTEMPT_MS) <= 0) return false;
        const ssize_t n = recv(fd, (char *)bytes + got, count - got, MSG_DONTWAIT);
        if (n <= 0) return false;
        got += (size_t)n;
    }
    return true;
}

static bool transmit(int fd, const void *bytes, size_t count)
{
    return send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)count;
}

/* ---- Rank 0 ------------------------------------------------------------------------------------ */

static bool is_local(const struct sockaddr *address)
{
    if (address->sa_family != AF_INET6) return false;
    const struct in6_addr *bytes = &((const struct sockaddr_in6 *)address)->sin6_addr;
    return IN6_IS_ADDR_LINKLOCAL(bytes);
}

static void list_addresses(aed_host_watch_call *call)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0) return;
    for (struct ifaddrs *at = all; at && call->address_count < AED_HOST_WATCH_ADDRESSES;
         at = at->ifa_next) {
        const struct sockaddr *address = at->ifa_addr;
        const unsigned up = IFF_UP | IFF_RUNNING;
        if (!address || (at->ifa_flags & up) != up || (at->ifa_flags & IFF_LOOPBACK)) continue;
        if ((address->sa_family != AF_INET && address->sa_family != AF_INET6) || is_local(address))
            continue;
        const socklen_t length = address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                               : sizeof(struct sockaddr_in6);
        char *text = call->addresses[call->address_count];
        if (getnameinfo(address, length, text, sizeof *call->addresses, NULL, 0, NI_NUMERICHOST) ==
            0)
            call->address_count++;
    }
    freeifaddrs(all);
}

/* A socket bound to a port that the system chooses; -1 if the machine has no such addresses. */
static int bind_any(int family, int32_t *port)
{
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        close(fd);
        return -1;
    }
    *port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                               : ((struct sockaddr_in6 *)&address)->sin6_port);
    return fd;
}

int aed_host_watch_listen(aed_host_watch_call *call)
{
    *call = (aed_host_watch_call){0};
    if (getrandom(call->question, sizeof call->question, 0) < 0 ||
        getrandom(call->answer, sizeof call->answer, 0) < 0)
        return -1;
    int fd = bind_any(AF_INET6, &call->port);
    if (fd < 0) fd = bind_any(AF_INET, &call->port);
    if (fd >= 0) list_addresses(call);
    return fd;
}

int aed_host_watch_accept(int listener, const aed_host_watch_call *call, int size, int *rank)
{
    unsigned char hello[AED_HOST_WATCH_TOKEN + 4];
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return -1;
    const bool ours = receive(fd, hello, sizeof hello) &&
                      memcmp(hello, call->question, AED_HOST_WATCH_TOKEN) == 0;
    const uint32_t claimed = ours ? aed_load_le32(hello + AED_HOST_WATCH_TOKEN) : 0;
    if (claimed > 0 && claimed < (uint32_t)size &&
        transmit(fd, call->answer, AED_HOST_WATCH_TOKEN)) {
        *rank = (int)claimed;
        keep_alive(fd);
        return fd;
    }
    close(fd);
    return -1;
}

/* ---- The others -------------------------------------------------------------------------------- */

static bool finish_connecting(int fd)
{
    int error = 0;
    socklen_t length = sizeof error;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    return errno == EINPROGRESS && poll(&wait, 1, ATTEMPT_MS) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

/* A connection to whoever is there; -1 if nobody is. */
static int call_address(const char *address, int port)
{
    struct addrinfo *target,
        hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(address, service, &hints, &target) != 0) return -1;
    int fd = socket(target->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, target->ai_addr, target->ai_addrlen) != 0 &&
        !finish_connecting(fd)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(target);
    return fd;
}

/* Whether it is rank 0 who answers: another machine may have the address in another network. */
static bool is_answered(int fd, const aed_host_watch_call *call, int rank)
{
    unsigned char hello[AED_HOST_WATCH_TOKEN + 4], answer[AED_HOST_WATCH_TOKEN];
    memcpy(hello, call->question, AED_HOST_WATCH_TOKEN);
    aed_store_le32(hello + AED_HOST_WATCH_TOKEN, (uint32_t)rank);
    return transmit(fd, hello, sizeof hello) && receive(fd, answer, sizeof answer) &&
           memcmp(answer, call->answer, sizeof answer) == 0;
}

int aed_host_watch_connect(const aed_host_watch_call *call, int rank)
{
    const double end = aed_clock_seconds() + CONNECT_SECONDS;
    for (int i = 0; i < call->address_count && aed_clock_seconds() < end; i++) {
        const int fd = call_address(call->addresses[i], call->port);
        if (fd < 0) continue;
        if (is_answered(fd, call, rank)) {
            keep_alive(fd);
            return fd;
        }
        close(fd);
    }
    return -1;
}
