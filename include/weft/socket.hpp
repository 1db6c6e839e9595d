// Floor: io
//
// All sockets: TCP, UDP and Unix, and the addresses that they need. For those who don't want to name each header.

#pragma once

#include <weft/resolve.hpp>
#include <weft/tcp.hpp>
#include <weft/udp.hpp>
#include <weft/unix.hpp>
