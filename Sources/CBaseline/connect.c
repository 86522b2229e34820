// Connections of the load's.

#ifdef __linux__

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "connect.h"

int cbaseline_connect_from(uint16_t port, unsigned address) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    struct sockaddr_in end = {.sin_family = AF_INET};
    end.sin_addr.s_addr = htonl(INADDR_LOOPBACK + address % 200);
    bool is_bound = bind(descriptor, (struct sockaddr *)&end, sizeof end) == 0;
    end.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    end.sin_port = htons(port);
    if (!is_bound || connect(descriptor, (struct sockaddr *)&end, sizeof end) != 0) {
        int failure = errno;
        close(descriptor);
        errno = failure;
        return -1;
    }
    return descriptor;
}

int cbaseline_connect_to_path(const char *path) {
    struct sockaddr_un end = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof end.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(end.sun_path, path);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (connect(descriptor, (struct sockaddr *)&end, sizeof end) != 0) {
        int failure = errno;
        close(descriptor);
        errno = failure;
        return -1;
    }
    return descriptor;
}

#endif
