#include "messaging/topic/journal.hpp"

#include "messaging/topic/tenant.hpp"

#include <algorithm>

namespace messaging::topic::journal {

void topic_created(std::string& out, const topic& made) {
    core::byte_writer write(out);
    write.text_u16(made.owner().name);
    write.text_u16(made.name_space());
    write.text_u16(made.name());
}

void subscription_created(std::string& out, const subscription& made) {
    core::byte_writer write(out);
    write.u64(made.id());
    write.text_u16(made.owner().name);
    write.text_u16(made.name_space);
    write.text_u16(made.name);
    write.u8(static_cast<std::uint8_t>(made.type));
    write.u8(static_cast<std::uint8_t>(made.durability));
    write.u64(made.claim);
    write.u64(made.session);
    write.u32(made.stream);
    write.u64(made.read_position);
}

void filter_added(std::string& out, std::uint64_t id, const subscribed_filter& filter) {
    core::byte_writer write(out);
    write.u64(id);
    write.u64(filter.start);
    write.u8(filter.qos);
    write.text_u16(filter.filter);
}

void filter_removed(std::string& out, std::uint64_t id, std::string_view filter) {
    core::byte_writer write(out);
    write.u64(id);
    write.text_u16(filter);
}

void cursor(std::string& out, const subscription& of) {
    core::byte_writer write(out);
    write.u64(of.id());
    if (of.durability == msg_link::durability::leased) {
        // A lease is resumed from what the client says it has (FORMAT.md of the link, §5); until then a floor is
        // enough.
        auto floor = of.read_position;
        const auto reach = [&floor](std::uint64_t position) { floor = std::min(floor, position - 1); };
        if (!of.outstanding_list.empty()) reach(of.outstanding_list.front().position);
        if (!of.redeliveries.empty()) reach(of.redeliveries.begin()->first);
        if (of.aside)
            for (const auto& [due, held] : of.aside->delayed) reach(held.first);
        write.u64(floor);
        write.u16(0);
        return;
    }
    write.u64(of.read_position);
    const auto count_at = out.size();
    write.u16(0);
    std::uint16_t count = 0;
    const auto put = [&](std::uint64_t position, std::uint8_t delivery_count) {
        if (count == 0xFFFF) return;
        write.u64(position);
        write.u8(delivery_count);
        ++count;
    };
    for (const auto& one : of.outstanding_list)
        if (!one.acknowledged) put(one.position, one.delivery_count);
    const auto put_again = [&](std::uint64_t position, const redelivery& again) {
        put(position, static_cast<std::uint8_t>(again.delivery_count - 1));
    };
    for (const auto& [position, again] : of.redeliveries) put_again(position, again);
    // Without those on their way to the dead letters: their letters stand in the log before this, and a refused letter
    // takes its cursor with it (`hub::log_again`).
    if (of.aside)
        for (const auto& [due, held] : of.aside->delayed) put_again(held.first, held.second);
    core::store_big_endian(out.data() + count_at, count);
}

void subscription_settings(std::string& out, const subscription& of) {
    core::byte_writer write(out);
    write.u64(of.id());
    write.u8(static_cast<std::uint8_t>(of.type));
    write.u8(of.declared ? 1 : 0);
    write.u16(of.max_deliveries);
}

void sought(std::string& out, std::uint64_t id, std::uint64_t position) {
    core::byte_writer write(out);
    write.u64(id);
    write.u64(position);
}

void claim_made(std::string& out, const claim& made) {
    core::byte_writer write(out);
    write.u64(made.number);
    write.u64(made.session);
    write.u64(made.sequence);
    write.u8(static_cast<std::uint8_t>((made.due ? 1 : 0) | (made.fail_after_refusal ? 2 : 0)));
    write.text_u16(made.owner->name);
    write.text_u16(made.client_id);
    if (!made.due) return;
    write.text_u16(made.due->name_space);
    write.text_u16(made.due->name);
    write.u32(static_cast<std::uint32_t>(made.due->record.size()));
    write.text(made.due->record);
}

void number(std::string& out, std::uint64_t value) { core::byte_writer(out).u64(value); }

void producer(std::string& out, std::uint64_t session, std::uint64_t producer, std::uint64_t settled,
              std::span<const msg_link::run> runs) {
    core::byte_writer write(out);
    write.u64(session);
    write.u64(producer);
    write.u64(settled);
    const auto count = std::min<std::size_t>(runs.size(), 0xFFFF);
    write.u16(static_cast<std::uint16_t>(count));
    for (const auto& one : runs.last(count)) {
        write.u64(one.first);
        write.u32(one.length);
        write.u8(static_cast<std::uint8_t>(one.why));
    }
}

void state(std::string& out, std::string_view tenant, std::string_view name_space, std::string_view key, bool present,
           core::byte_span value) {
    core::byte_writer write(out);
    write.text_u16(tenant);
    write.text_u16(name_space);
    write.text_u16(key);
    write.u8(present ? 1 : 0);
    write.u32(static_cast<std::uint32_t>(value.size()));
    write.bytes(value);
}

void tenant_position(std::string& out, std::string_view tenant, std::uint64_t position) {
    core::byte_writer write(out);
    write.text_u16(tenant);
    write.u64(position);
}

void counters(std::string& out, std::uint64_t next_claim, std::uint64_t next_subscription, std::uint32_t next_topic) {
    core::byte_writer write(out);
    write.u64(next_claim);
    write.u64(next_subscription);
    write.u32(next_topic);
}

void append_to_snapshot(std::string& snapshot, type kind, std::uint32_t topic, std::string_view body) {
    core::byte_writer write(snapshot);
    write.u8(static_cast<std::uint8_t>(kind));
    write.u32(topic);
    write.u32(static_cast<std::uint32_t>(body.size()));
    write.text(body);
}

bool next_in_snapshot(core::byte_span& snapshot, snapshot_entry& into) noexcept {
    core::byte_reader read(snapshot);
    into.kind = static_cast<type>(read.u8());
    into.topic = read.u32();
    into.body = read.bytes(read.u32());
    if (!read.ok()) return false;
    snapshot = snapshot.last(read.left());
    return true;
}

} // namespace messaging::topic::journal
