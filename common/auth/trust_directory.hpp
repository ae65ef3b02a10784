// Trust anchors that a program manages, beside those a person wrote into tenants.yaml: one YAML file each in
// `trust/<tenant>/<fingerprint>.yaml` next to it, so that comments and order of tenants.yaml stay as they are.
//
//   name: plant-ca
//   enabled: true
//   auto_registration: true
//   certificate: |
//     -----BEGIN CERTIFICATE-----
#pragma once

#include "common/auth/trust_store.hpp"

#include <string>
#include <utility>
#include <vector>

namespace auth {

using tenant_anchor = std::pair<core::tenant_id, trust_anchor>; ///< `origin` is the file

class trust_directory {
  public:
    /// The one that belongs to this tenants.yaml. Nothing need exist yet.
    explicit trust_directory(const std::string& tenants_file);

    /// All anchors; mistakes are added to `complaints`, one a line, and every file and folder that was looked at to
    /// `looked_at`, for whoever watches them. An absent directory holds none.
    std::vector<tenant_anchor> load(std::string& complaints, std::vector<std::string>& looked_at) const;
    /// Makes or replaces the anchor's file as a whole, synced; `anchor.origin` is not looked at. The error is the
    /// system's.
    core::result<std::string> write(const core::tenant_id& tenant, const trust_anchor& anchor) const;

    /// Where `write` keeps the anchor.
    std::string file_of(const core::tenant_id& tenant, const trust_anchor& anchor) const;
    const std::string& path() const noexcept { return path_; }

  private:
    std::string path_;
};

} // namespace auth
