// Managed objects, their relations and their external IDs (ref D.2, D.3) of one tenant.
#pragma once

#include "tests/platform/model/json.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace platform_sim::model {

enum class relation : std::size_t { devices, assets, additions };
inline constexpr std::array<relation, 3> relations{relation::devices, relation::assets, relation::additions};
inline constexpr std::array<std::string_view, 3> child_names{"childDevices", "childAssets", "childAdditions"};
inline constexpr std::array<std::string_view, 3> parent_names{"deviceParents", "assetParents", "additionParents"};

struct managed_object {
    std::uint64_t id = 0;
    json::object fields; ///< with owner, creationTime, lastUpdated; without id, self and relations
    std::array<std::set<std::uint64_t>, 3> children;
    std::array<std::set<std::uint64_t>, 3> parents;

    std::string_view owner() const { return text_member(fields, "owner"); }
    std::string_view name() const { return text_member(fields, "name"); }
};

struct external_id {
    std::string type;
    std::string value;
    auto operator<=>(const external_id&) const = default;
};

class inventory {
  public:
    /// Read-only members of `fields` are ignored. The reference lives until the object is removed.
    managed_object& create(std::uint64_t id, json::object fields, std::string_view owner, std::int64_t now_ms);
    managed_object* find(std::uint64_t id);
    const managed_object* find(std::uint64_t id) const;
    void update(managed_object& of, json::object change, std::int64_t now_ms);
    /// Removes it with its external IDs and relations; `cascade`: child devices and assets too. Returns what went.
    std::vector<std::uint64_t> remove(std::uint64_t id, bool cascade);
    void relate(managed_object& parent, managed_object& child, relation as);
    bool unrelate(managed_object& parent, std::uint64_t child, relation as);
    /// All above it, nearest first, without itself.
    std::vector<std::uint64_t> ancestors(std::uint64_t id) const;
    const std::map<std::uint64_t, managed_object>& all() const noexcept { return objects_; }
    std::uint64_t created_count() const noexcept { return created_count_; }

    /// False when the external ID is bound already.
    bool bind(const external_id& name, std::uint64_t id);
    bool unbind(const external_id& name);
    /// 0 when nothing is bound to it.
    std::uint64_t resolve(const external_id& name) const;
    std::vector<external_id> names_of(std::uint64_t id) const;
    std::size_t external_id_count() const noexcept { return names_.size(); }

  private:
    std::map<std::uint64_t, managed_object> objects_;
    std::map<external_id, std::uint64_t> names_;
    std::map<std::uint64_t, std::set<external_id>> names_by_object_;
    std::uint64_t created_count_ = 0;
};

} // namespace platform_sim::model
