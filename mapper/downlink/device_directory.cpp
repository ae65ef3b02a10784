#include "mapper/downlink/device_directory.hpp"

#include "mapper/api/answer.hpp"
#include "mapper/api/identity.hpp"
#include "mapper/api/inventory.hpp"

namespace mapper::downlink {

using platform::send_until_decided;

asio::awaitable<device_answer> device_directory::ask(std::string id) {
    device_answer made;
    const auto known = entries_.find(id);
    if (known != entries_.end() && clock_.now() - known->second.learned < trusted_for) {
        made.found = true;
        made.device = known->second.device;
        co_return made;
    }
    auto question = api::get_managed_object(id);
    const auto object = co_await send_until_decided(via_, std::move(question), nullptr, delays_);
    made.problem = object.problem;
    if (!object.ok()) co_return made;
    auto names = api::list_external_ids(id);
    const auto ids = co_await send_until_decided(via_, std::move(names), nullptr, delays_);
    made.problem = ids.problem;
    if (!ids.ok()) co_return made;
    made.found = true;
    made.device.id = id;
    made.device.name = api::text_at(object.body, "/name");
    made.device.type = api::text_at(object.body, "/type");
    for (const auto& one : api::items_of(ids.body, "externalIds"))
        made.device.external_ids.emplace_back(api::text_at(one, "/type"), api::text_at(one, "/externalId"));
    if (entries_.size() >= entries_max) entries_.clear();
    entries_[id] = entry{made.device, clock_.now()};
    co_return made;
}

} // namespace mapper::downlink
