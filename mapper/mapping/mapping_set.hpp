// All mappings of one tenant, loaded from `<directory>/<tenant>/*.yaml` whole or not at all: one bad file and the set
// is refused with all complaints, so that the version in use stays. Immutable; swap the shared pointer to reload.
#pragma once

#include "mapper/mapping/mapping_index.hpp"
#include "mapper/mapping/mapping_loader.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mapper::mapping {

class mapping_set {
  public:
    explicit mapping_set(std::vector<mapping_ptr> mappings);
    mapping_set(const mapping_set&) = delete;
    mapping_set& operator=(const mapping_set&) = delete;

    const std::vector<mapping_ptr>& mappings() const noexcept { return mappings_; }
    const mapping_index& index() const noexcept { return index_; }
    /// Outbound mappings, in file order.
    const std::vector<const mapping*>& outbound() const noexcept { return outbound_; }
    const mapping* find(std::string_view name) const noexcept;

  private:
    std::vector<mapping_ptr> mappings_;
    std::vector<const mapping*> outbound_;
    mapping_index index_;
};

struct loaded_set {
    std::shared_ptr<const mapping_set> made; ///< empty when there are complaints
    std::vector<core::complaint> complaints;
    /// Changes when any file's name, size or time changes: compare it to know whether to load again.
    std::uint64_t fingerprint = 0;
};

/// Files in name order. A directory that does not exist is an empty set.
loaded_set load_tenant(const std::string& directory, const std::string& tenant);
/// The fingerprint alone, cheap enough to ask every second.
std::uint64_t fingerprint_of(const std::string& directory, const std::string& tenant);
/// Names of the sub-directories, sorted.
std::vector<std::string> tenants_in(const std::string& directory);

} // namespace mapper::mapping
