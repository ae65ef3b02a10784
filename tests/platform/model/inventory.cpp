#include "tests/platform/model/inventory.hpp"

#include "common/core/clock.hpp"
#include "tests/platform/model/record_table.hpp"

namespace platform_sim::model {

namespace {

/// What the platform alone sets (ref D.2).
void drop_read_only(json::object& fields) {
    for (const auto key : {"id", "self", "owner", "creationTime", "lastUpdated"}) fields.erase(key);
    for (const auto key : child_names) fields.erase(json::string_view(key.data(), key.size()));
    for (const auto key : parent_names) fields.erase(json::string_view(key.data(), key.size()));
}

std::size_t index(relation as) { return static_cast<std::size_t>(as); }

} // namespace

bool merge_fields(json::object& into, const json::object& change) {
    bool changed = false;
    for (const auto& member : change) {
        const json::value* present = into.if_contains(member.key());
        if (member.value().is_null()) {
            changed = into.erase(member.key()) > 0 || changed;
        } else if (present == nullptr || *present != member.value()) {
            into.insert_or_assign(member.key(), member.value());
            changed = true;
        }
    }
    return changed;
}

managed_object& inventory::create(std::uint64_t id, json::object fields, std::string_view owner, std::int64_t now_ms) {
    drop_read_only(fields);
    json::object kept;
    (void)merge_fields(kept, fields); // drops nulls
    const std::string now = core::iso_time(now_ms);
    kept["owner"] = json::string_view(owner.data(), owner.size());
    kept["creationTime"] = now;
    kept["lastUpdated"] = now;
    ++created_count_;
    managed_object& created = objects_[id];
    created.id = id;
    created.fields = std::move(kept);
    return created;
}

managed_object* inventory::find(std::uint64_t id) {
    const auto found = objects_.find(id);
    return found == objects_.end() ? nullptr : &found->second;
}

const managed_object* inventory::find(std::uint64_t id) const {
    const auto found = objects_.find(id);
    return found == objects_.end() ? nullptr : &found->second;
}

void inventory::update(managed_object& of, json::object change, std::int64_t now_ms) {
    drop_read_only(change);
    (void)merge_fields(of.fields, change);
    of.fields["lastUpdated"] = core::iso_time(now_ms);
}

std::vector<std::uint64_t> inventory::remove(std::uint64_t id, bool cascade) {
    std::vector<std::uint64_t> gone;
    std::vector<std::uint64_t> going{id};
    while (!going.empty()) {
        const std::uint64_t next = going.back();
        going.pop_back();
        const auto found = objects_.find(next);
        if (found == objects_.end()) continue;
        for (const relation as : relations) {
            for (const auto child : found->second.children[index(as)]) {
                if (managed_object* below = find(child)) below->parents[index(as)].erase(next);
                if (cascade && as != relation::additions) going.push_back(child);
            }
            for (const auto parent : found->second.parents[index(as)])
                if (managed_object* above = find(parent)) above->children[index(as)].erase(next);
        }
        for (const auto& name : names_of(next)) (void)unbind(name);
        objects_.erase(found);
        gone.push_back(next);
    }
    return gone;
}

void inventory::relate(managed_object& parent, managed_object& child, relation as) {
    parent.children[index(as)].insert(child.id);
    child.parents[index(as)].insert(parent.id);
}

bool inventory::unrelate(managed_object& parent, std::uint64_t child, relation as) {
    if (managed_object* below = find(child)) below->parents[index(as)].erase(parent.id);
    return parent.children[index(as)].erase(child) == 1;
}

std::vector<std::uint64_t> inventory::ancestors(std::uint64_t id) const {
    std::vector<std::uint64_t> found;
    std::set<std::uint64_t> seen{id};
    std::vector<std::uint64_t> level{id};
    for (std::size_t i = 0; i < level.size(); ++i) {
        const managed_object* at = find(level[i]);
        if (at == nullptr) continue;
        for (const auto& parents : at->parents)
            for (const auto parent : parents)
                if (seen.insert(parent).second) {
                    found.push_back(parent);
                    level.push_back(parent);
                }
    }
    return found;
}

bool inventory::bind(const external_id& name, std::uint64_t id) {
    if (!names_.emplace(name, id).second) return false;
    names_by_object_[id].insert(name);
    return true;
}

bool inventory::unbind(const external_id& name) {
    const auto found = names_.find(name);
    if (found == names_.end()) return false;
    const auto of = names_by_object_.find(found->second);
    of->second.erase(name);
    if (of->second.empty()) names_by_object_.erase(of);
    names_.erase(found);
    return true;
}

std::uint64_t inventory::resolve(const external_id& name) const {
    const auto found = names_.find(name);
    return found == names_.end() ? 0 : found->second;
}

std::vector<external_id> inventory::names_of(std::uint64_t id) const {
    const auto found = names_by_object_.find(id);
    if (found == names_by_object_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

} // namespace platform_sim::model
