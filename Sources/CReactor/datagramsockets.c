// Datagram sockets: made, asked about their drops, put into multicast groups.

#if defined(__linux__)
#define _GNU_SOURCE
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#endif
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "CReactor.h"

#if defined(__linux__)

int reactor_datagram_socket(int domain) {
    return socket(domain, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

bool reactor_can_segment(int socket) {
    int size = 0;
    socklen_t length = sizeof size;
    return getsockopt(socket, IPPROTO_UDP, UDP_SEGMENT, &size, &length) == 0;
}

int64_t reactor_datagram_drops(int socket) {
    uint32_t counts[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof counts;
    if (getsockopt(socket, SOL_SOCKET, SO_MEMINFO, counts, &length) < 0) return -1;
    if (length <= SK_MEMINFO_DROPS * sizeof counts[0]) return -1;
    return counts[SK_MEMINFO_DROPS];
}

#else

int reactor_datagram_socket(int domain) {
    int descriptor = socket(domain, SOCK_DGRAM, 0);
    if (descriptor < 0) return descriptor;
    int on = 1;
    fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    return descriptor;
}

bool reactor_can_segment(int socket) {
    (void)socket;
    return false;
}

int64_t reactor_datagram_drops(int socket) {
    (void)socket;
    return -1;
}

#endif

int reactor_multicast(int socket, reactor_address group, unsigned interface, bool joins) {
    struct group_req request;
    memset(&request, 0, sizeof request);
    request.gr_interface = interface;
    if (group.family == 4) {
        struct sockaddr_in *four = (struct sockaddr_in *)&request.gr_group;
        four->sin_family = AF_INET;
        four->sin_addr.s_addr = htonl((uint32_t)(group.high >> 32));
    } else {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&request.gr_group;
        six->sin6_family = AF_INET6;
        for (int i = 0; i < 8; i++) {
            six->sin6_addr.s6_addr[i] = (uint8_t)(group.high >> (56 - 8 * i));
            six->sin6_addr.s6_addr[8 + i] = (uint8_t)(group.low >> (56 - 8 * i));
        }
    }
    int level = group.family == 4 ? IPPROTO_IP : IPPROTO_IPV6;
    int name = joins ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP;
    return setsockopt(socket, level, name, &request, sizeof request);
}

int reactor_multicast_interface(int socket, bool is_ipv6, unsigned interface) {
    if (is_ipv6) {
        return setsockopt(
            socket, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof interface);
    }
    struct ip_mreqn request;
    memset(&request, 0, sizeof request);
    request.imr_ifindex = (int)interface;
    return setsockopt(socket, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof request);
}
