// Every view a decoded packet holds, for checks of where it points.
#pragma once

#include "broker/mqtt/packet.hpp"

#include <string_view>
#include <type_traits>

namespace fuzzing {

/// Calls `use` with each view of the packet, the entries of its lists included.
template <class Use> void for_each_view(const broker::mqtt::packet& value, Use use) {
    using namespace broker::mqtt;
    std::visit(
        [&use](const auto& each) {
            using Packet = std::decay_t<decltype(each)>;
            if constexpr (std::is_same_v<Packet, connect_packet>) {
                use(each.client_id);
                for (const auto& text :
                     {each.username, each.password, each.authentication_method, each.authentication_data})
                    if (text) use(*text);
                if (!each.will) return;
                use(each.will->topic);
                use(each.will->payload);
                use(each.will->properties);
            } else if constexpr (std::is_same_v<Packet, publish_packet>) {
                use(each.topic);
                use(each.payload);
                use(each.properties);
            } else if constexpr (std::is_same_v<Packet, subscribe_packet>) {
                use(each.filters);
                subscription_reader entries(each);
                while (const auto entry = entries.next()) use(entry->filter);
            } else if constexpr (std::is_same_v<Packet, unsubscribe_packet>) {
                use(each.filters);
                filter_reader filters(each);
                while (const auto filter = filters.next()) use(*filter);
            } else if constexpr (std::is_same_v<Packet, auth_packet>) {
                use(each.method);
                use(each.data);
                use(each.reason_string);
            } else {
                if constexpr (requires { each.codes; }) use(each.codes);
                if constexpr (requires { each.reason_string; }) use(each.reason_string);
                if constexpr (requires { each.assigned_client_id; }) use(each.assigned_client_id);
            }
        },
        value);
}

} // namespace fuzzing
