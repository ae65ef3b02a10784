// Keyed state over a link.
#include "messaging/topic/link_session.hpp"

namespace messaging::topic {

std::string link_session::on_state_put(core::byte_span body) {
    msg_link::state_request frame;
    if (!msg_link::decode_state_put(body, frame)) return malformed;
    const auto answer = [this](std::uint32_t request, msg_link::reason why) {
        msg_link::encode(output_.control(), msg_link::state{request, why, {}});
        kick();
    };
    if (!who_.allows(frame.tenant) || frame.name_space == management_space) {
        answer(frame.request, msg_link::reason::not_allowed);
        return {};
    }
    const auto why = hub_.put_state(frame.tenant, frame.name_space, frame.key, frame.flag, frame.value);
    if (why != msg_link::reason::ok) {
        answer(frame.request, why);
        return {};
    }
    hub_.when_durable([alive = std::weak_ptr<int>(alive_), answer, request = frame.request](core::error_code error) {
        if (!alive.expired()) answer(request, error ? msg_link::reason::store_failed : msg_link::reason::ok);
    });
    return {};
}

std::string link_session::on_state_get(core::byte_span body) {
    msg_link::state_request frame;
    if (!msg_link::decode_state_get(body, frame)) return malformed;
    msg_link::state answer;
    answer.request = frame.request;
    if (!who_.allows(frame.tenant) || frame.name_space == management_space) {
        answer.why = msg_link::reason::not_allowed;
    } else if (const auto* known = hub_.states(frame.tenant, frame.name_space)) {
        constexpr std::size_t answer_bytes_max = 128 * 1024;
        std::size_t bytes = 0;
        for (auto it = known->lower_bound(frame.key); it != known->end(); ++it) {
            if (frame.flag ? !it->first.starts_with(frame.key) : it->first != frame.key) break;
            bytes += it->first.size() + it->second.size() + 6;
            if (bytes > answer_bytes_max) {
                answer.why = msg_link::reason::too_large; // ask for a longer prefix
                break;
            }
            answer.entries.push_back({it->first, core::as_bytes(it->second)});
        }
    }
    if (answer.why == msg_link::reason::ok && answer.entries.empty() && !frame.flag)
        answer.why = msg_link::reason::not_found;
    msg_link::encode(output_.control(), answer);
    kick();
    return {};
}

} // namespace messaging::topic
