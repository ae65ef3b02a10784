#include "common/core/json_writer.hpp"
#include "messaging/store/errc.hpp"
#include "messaging/store/snapshot.hpp"
#include "messaging/tools/offline_store.hpp"
#include "messaging/topic/journal.hpp"

#include <fmt/core.h>
#include <map>
#include <ostream>

namespace messaging::tools {

namespace {

std::string name_of(store::entry_type type) {
    using kind = topic::journal::type;
    if (type == store::entry_type::message) return "message";
    switch (static_cast<kind>(type)) {
    case kind::topic_created: return "topic_created";
    case kind::topic_removed: return "topic_removed";
    case kind::subscription_created: return "subscription_created";
    case kind::subscription_removed: return "subscription_removed";
    case kind::filter_added: return "filter_added";
    case kind::filter_removed: return "filter_removed";
    case kind::cursor: return "cursor";
    case kind::claim_made: return "claim_made";
    case kind::claim_ended: return "claim_ended";
    case kind::producer: return "producer";
    case kind::session_ended: return "session_ended";
    case kind::state: return "state";
    case kind::tenant: return "tenant";
    case kind::counters: return "counters";
    case kind::read_mark: return "read_mark";
    case kind::subscription_settings: return "subscription_settings";
    case kind::sought: return "sought";
    }
    return fmt::format("type_{}", static_cast<int>(type));
}

class dumper {
  public:
    dumper(offline_store& of, const std::string& topic, bool json, std::ostream& out)
        : store_(of), wanted_(topic), json_(json), out_(out) {}

    core::error_code run() {
        for (const std::uint64_t commit : store_.snapshots()) {
            const auto body = store::load_snapshot(store_.files(), commit);
            if (!body) continue; // `verify` tells of it; names come from the log as far as they are there
            auto bytes = core::as_bytes(*body);
            topic::journal::snapshot_entry one;
            while (topic::journal::next_in_snapshot(bytes, one))
                if (one.kind == topic::journal::type::topic_created) learn(one.topic, one.body);
        }
        return store_.each_segment([this](const segment_content& content) { show(content); },
                                   [](std::uint64_t, std::uint64_t) {});
    }

  private:
    void learn(std::uint32_t number, core::byte_span body) {
        core::byte_reader read(body);
        const std::string tenant(read.text_u16());
        const std::string space(read.text_u16());
        const std::string name(read.text_u16());
        if (read.ok()) names_[number] = tenant + "/" + space + "/" + name;
    }

    void show(const segment_content& content) {
        for (const std::uint32_t offset : content.scan.entries) {
            const auto entry = store::view_entry(content.bytes.data() + offset);
            if (static_cast<topic::journal::type>(entry.type) == topic::journal::type::topic_created)
                learn(entry.topic, entry.body);
            const auto found = names_.find(entry.topic);
            const std::string name = found == names_.end() ? std::string() : found->second;
            if (!wanted_.empty() && name != wanted_) continue;
            const bool copy = (entry.flags & store::entry_flag::copy) != 0;
            if (json_) {
                core::json_writer line;
                line.object().member("segment", content.of.number).member("offset", offset);
                line.member("commit", entry.commit).member("type", name_of(entry.type));
                line.member("topicNumber", entry.topic).member("topic", name).member("position", entry.position);
                line.member("timeMs", entry.time_ms).member("bytes", entry.body.size()).member("copy", copy).end();
                out_ << std::move(line).text() << "\n";
            } else {
                out_ << fmt::format("{:>6}:{:<9} commit {:<8} {:<20} {:>8} bytes", content.of.number, offset,
                                    entry.commit, name_of(entry.type), entry.body.size());
                if (entry.topic != 0) out_ << fmt::format("  topic {} {}", entry.topic, name);
                if (entry.type == store::entry_type::message)
                    out_ << fmt::format("  position {} time {}{}", entry.position, entry.time_ms, copy ? " copy" : "");
                out_ << "\n";
            }
        }
    }

    offline_store& store_;
    const std::string& wanted_;
    bool json_;
    std::ostream& out_;
    std::map<std::uint32_t, std::string> names_;
};

} // namespace

int dump(const std::string& directory, const std::string& topic, bool json, std::ostream& out,
         std::ostream& complaints) {
    auto opened = offline_store::open(directory);
    core::error_code error = opened ? core::error_code{} : opened.error();
    if (opened) error = dumper(*opened, topic, json, out).run();
    if (!error) return ok;
    complaints << "mqtt-messaging dump: " << directory << ": " << error.message() << "\n";
    return cannot;
}

} // namespace messaging::tools
