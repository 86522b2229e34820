// The baselines in plain C on raw libuv.
#ifndef CBASELINE_H
#define CBASELINE_H

#include <stdint.h>

/// An echo server on one libuv loop: `uv_read_start`, `uv_try_write`, and `uv_write` behind it for
/// what the kernel did not take. Calls `ready` with the port, then runs until SIGTERM.
int cbaseline_echo(uint16_t port, void (*ready)(uint16_t port));

#endif
