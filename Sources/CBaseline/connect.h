// How the load connects: blocking, to a loopback port or a Unix socket. -1 with errno on failure.
#ifndef CBASELINE_CONNECT_H
#define CBASELINE_CONNECT_H

#include <stdint.h>

/// Connects from 127.0.0.(1 + n): one address has 28,000 ports, less those in TIME_WAIT.
int cbaseline_connect_from(uint16_t port, unsigned address);
int cbaseline_connect_to_path(const char *path);

#endif
