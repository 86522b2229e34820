// libuv as Swift sees it: the headers, and what they hold that does not import.
#ifndef CUV_SHIM_H
#define CUV_SHIM_H

#include <uv.h>

#if UV_VERSION_HEX < ((1 << 16) | (44 << 8))
#error "libuv 1.44 or later is needed: libuv1-dev (apt), libuv-devel (dnf), libuv (brew)"
#endif

#endif
