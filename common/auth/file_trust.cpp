#include "common/auth/file_trust.hpp"

namespace auth {

core::result<judged_chain> judge_by(const trust_store& store, core::tenant_id named,
                                    const std::vector<std::string>& chain, std::int64_t now_s) {
    if (named.empty()) {
        auto found = store.tenant_of(chain);
        if (!found) return found.error();
        named = std::move(*found);
    }
    auto device = store.verify_chain(named, chain, now_s);
    if (!device) return device.error();
    judged_chain judged;
    judged.tenant = std::move(named);
    judged.device = std::move(*device);
    return judged;
}

void file_trust::judge(core::tenant_id named, std::vector<std::string> chain, judge_callback done) {
    done(judge_by(users_.directory()->trust, std::move(named), chain, clock_.wall_ms() / 1000));
}

core::result<void> file_trust::still_trusted(const core::tenant_id& tenant, const device_identity& device) const {
    return users_.directory()->trust.still_trusted(tenant, device);
}

} // namespace auth
