// The sequenced frames of a link (FORMAT.md §2), and the topic numbers they name.
#include "messaging/topic/link_session.hpp"

#include "common/record/device_topics.hpp"
#include "common/record/record.hpp"

namespace messaging::topic {

namespace {
constexpr std::size_t topics_per_link = 1'000'000;
} // namespace

std::string link_session::on_publish(core::byte_span body) {
    msg_link::publish frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (++received <= skip_until_) return {};
    const auto to = topics_.find(frame.topic);
    if (to == topics_.end()) return "publish on a topic number that is not open";
    const auto parsed = record::parse(frame.record);
    if (!parsed) return "a record of unknown form";
    if (!who_.may_claim && (parsed->authenticated_by == record::authentication::basic ||
                            parsed->authenticated_by == record::authentication::x509)) {
        hub_.refuse(*this, nullptr, frame.record, msg_link::reason::not_allowed);
        return {};
    }
    struct claim* by = nullptr;
    if (frame.claim != 0) {
        by = hub_.find_claim(frame.claim);
        if (by == nullptr || by->session != session_) {
            hub_.refuse(*this, nullptr, frame.record, msg_link::reason::superseded);
            return {};
        }
    }
    if (auto* found = topic_for(to->second))
        hub_.publish(*this, found, by, frame.record);
    else
        hub_.refuse(*this, by, frame.record, to->second.why);
    return {};
}

/// The client goes on using a number that was refused for a limit; when there is room again it is served.
topic* link_session::topic_for(open_number& number) {
    if (number.to != nullptr || !number.wanted) return number.to;
    number.to = hub_.open_topic(number.wanted->tenant, number.wanted->name_space, number.wanted->name, number.why);
    if (number.to != nullptr) number.wanted.reset();
    return number.to;
}

std::string link_session::on_claim(core::byte_span body) {
    msg_link::claim frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (++received <= skip_until_) return {};
    hub_.touch(*this);
    if (!who_.may_claim || !who_.allows(frame.tenant)) {
        note(msg_link::reason::not_allowed);
        msg_link::encode(output_.control(), msg_link::claimed{received, 0, msg_link::reason::not_allowed,
                                                              msg_link::text(msg_link::reason::not_allowed)});
        kick();
        return {};
    }
    if (frame.has_will && !record::parse(frame.will_record)) return "a will of unknown form";
    hub_.make_claim(*this, session_, received, frame);
    return {};
}

std::string link_session::on_release(core::byte_span body) {
    msg_link::release frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (++received <= skip_until_) return {};
    hub_.touch(*this);
    if (const auto* one = hub_.find_claim(frame.claim); one != nullptr && one->session == session_)
        hub_.end_claim(frame.claim, frame.publish_will);
    return {};
}

std::string link_session::on_topic(core::byte_span body) {
    msg_link::topic frame;
    if (!msg_link::decode(body, frame)) return malformed;
    if (topics_.contains(frame.number)) return "a topic number was opened twice";
    if (topics_.size() >= topics_per_link) return "too many open topics on this link";
    open_number made;
    if (!who_.allows(frame.tenant))
        made.why = msg_link::reason::not_allowed;
    else if (frame.name.empty() || frame.tenant.empty())
        made.why = msg_link::reason::bad_request;
    else if (!who_.may_claim && frame.name.starts_with(record::service_prefix))
        made.why = msg_link::reason::not_allowed;
    else
        made.to = hub_.open_topic(frame.tenant, frame.name_space, frame.name, made.why);
    if (made.why == msg_link::reason::topic_limit)
        made.wanted = std::make_unique<wanted_topic>(
            wanted_topic{std::string(frame.tenant), std::string(frame.name_space), std::string(frame.name)});
    topics_.emplace(frame.number, std::move(made));
    return {};
}

std::string link_session::on_topic_close(core::byte_span body) {
    std::uint32_t number = 0;
    if (!msg_link::decode_number(body, number)) return malformed;
    const auto found = topics_.find(number);
    if (found == topics_.end()) return "topic_close for a number that is not open";
    if (found->second.to != nullptr) hub_.close_topic(*found->second.to);
    topics_.erase(found);
    return {};
}

} // namespace messaging::topic
