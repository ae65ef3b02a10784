// Session tickets of a server context: sealed with our own keys, never giving up what the trust check at CONNECT needs.
// For the .cpp files of this folder.
#pragma once

#include "common/net/ticket_keys.hpp"

#include <memory>

struct ssl_ctx_st;

namespace net {

/// One ticket per TLS 1.3 handshake, TLS 1.2 too; no session is kept here. The context keeps the keys alive.
void seal_tickets_with(ssl_ctx_st* context, std::shared_ptr<ticket_keys> keys);

} // namespace net
