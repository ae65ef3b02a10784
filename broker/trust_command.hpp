// `mqtt-broker trust …`: the trust anchors of the provider `file`, managed without touching what a person wrote into
// tenants.yaml (common/auth/trust_directory). It tells a running broker nothing: that one watches the files.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace broker {

struct trust_request {
    std::vector<std::string> words; ///< verb and its operands: `add`, `t0815`, `ca.pem`
    std::string tenants_file;
    std::string name;              ///< of a new anchor; empty: its common name
    std::string auto_registration; ///< of a new anchor: `on` or `off`; empty: on
    std::int64_t now_s = 0;        ///< Unix seconds
};

/// What it did goes to `out`, why it did not to `err`. Exit code: 0 done, 1 refused, 2 asked wrongly.
int run_trust_command(const trust_request& request, std::ostream& out, std::ostream& err);

} // namespace broker
