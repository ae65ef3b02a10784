// Modes that go on until their caller lets go: it closes their standard input. So they also end when the caller dies.
#pragma once

#include <poll.h>
#include <unistd.h>

namespace bench {

/// Waits at most `timeout_ms` (-1: for ever) for standard input; true when it has ended.
inline bool input_ended(int timeout_ms) {
    pollfd entry{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&entry, 1, timeout_ms) <= 0) return false;
    char ignored[256];
    return ::read(STDIN_FILENO, ignored, sizeof ignored) <= 0;
}

} // namespace bench
