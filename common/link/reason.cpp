#include "common/link/frame.hpp"

namespace msg_link {

namespace {
struct words {
    std::string_view name;
    std::string_view text;
};

words words_of(reason why) noexcept {
    switch (why) {
    case reason::ok: return {"ok", "done"};
    case reason::no_subscribers: return {"no_subscribers", "no subscription matches the topic; nothing was stored"};
    case reason::topic_backlog_full:
        return {"topic_backlog_full",
                "the topic's backlog is full until a subscriber acknowledges messages or they expire"};
    case reason::tenant_backlog_full:
        return {"tenant_backlog_full",
                "the tenant's backlog is full until subscribers acknowledge messages or they expire"};
    case reason::topic_limit: return {"topic_limit", "the tenant has as many topics as it may have"};
    case reason::too_large: return {"too_large", "the message is larger than the limit"};
    case reason::superseded: return {"superseded", "a newer connection uses the same client ID"};
    case reason::not_allowed: return {"not_allowed", "the link token does not allow this"};
    case reason::store_failed: return {"store_failed", "the store could not write; see its log"};
    case reason::disk_full: return {"disk_full", "the store's disk is full"};
    case reason::busy: return {"busy", "the exclusive subscription is in use by another consumer"};
    case reason::bad_request: return {"bad_request", "the request makes no sense here"};
    case reason::lost: return {"lost", "the state could not be resumed"};
    case reason::too_slow: return {"too_slow", "the subscriber fell too far behind"};
    case reason::removed: return {"removed", "the subscription was removed"};
    case reason::previous_refused: return {"previous_refused", "an earlier message of this client was refused"};
    case reason::shutting_down: return {"shutting_down", "the service is stopping"};
    case reason::rate_limited: return {"rate_limited", "too many requests in a short time"};
    case reason::not_found: return {"not_found", "there is no such thing"};
    case reason::state_full: return {"state_full", "the tenant's keyed state is full"};
    case reason::moved: return {"moved", "the subscription was put to another place; subscribe again"};
    }
    return {"unknown", "unknown reason"};
}
} // namespace

std::string_view text(reason why) noexcept { return words_of(why).text; }
std::string_view name(reason why) noexcept { return words_of(why).name; }

} // namespace msg_link
